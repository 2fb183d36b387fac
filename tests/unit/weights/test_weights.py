"""Weights from files: what is taken and what is skipped; `test_hostile_weights` has the rest."""

import pytest
import torch
from safetensors.torch import save_file

import crosscam
from crosscam.errors import WeightsError
from crosscam.weights.load import open_model


@pytest.fixture(scope="module")
def trained():
    torch.manual_seed(1)
    return crosscam.create_model("resnet18", num_classes=5)


@pytest.fixture
def model():
    torch.manual_seed(2)
    return crosscam.create_model("resnet18", num_classes=5)


def state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("kind", ["safetensors", "bare", "wrapped", "module", "old"])
def test_files_of_every_shape_load(tmp_path, trained, model, kind):
    weights, path = state(trained), tmp_path / "weights.pth.tar"
    if kind == "safetensors":
        path = tmp_path / "weights.safetensors"
        save_file(weights, path)
    elif kind == "wrapped":
        torch.save({"state_dict": weights, "epoch": 60, "rank1": 0.9}, path)
    elif kind == "module":
        torch.save({f"module.{name}": value for name, value in weights.items()}, path)
    else:
        torch.save(weights, path, _use_new_zipfile_serialization=kind == "bare")
    loaded = crosscam.load_weights(model, path)
    assert same(state(model), weights)
    assert loaded.loaded == tuple(weights)
    assert loaded.skipped == loaded.missing == ()


def test_a_classifier_for_others_is_skipped_and_said_so(tmp_path, trained):
    torch.save(state(trained), tmp_path / "w.pth")
    model = crosscam.create_model("resnet18", num_classes=9)
    before = model.classifier.weight.clone()
    loaded = crosscam.load_weights(model, tmp_path / "w.pth")
    assert loaded.skipped == loaded.missing == ("classifier.weight", "classifier.bias")
    assert torch.equal(model.classifier.weight, before)
    assert torch.equal(model.conv1.weight, trained.conv1.weight)


def test_step_counters_may_be_missing(tmp_path, trained, model):
    weights = {k: v for k, v in state(trained).items() if not k.endswith("num_batches_tracked")}
    torch.save(weights, tmp_path / "w.pth")
    loaded = crosscam.load_weights(model, tmp_path / "w.pth")
    assert len(loaded.missing) == 20
    assert same(weights, state(model))


def test_a_missing_file_and_a_folder(tmp_path, model):
    for path in (tmp_path / "gone.pth", tmp_path):
        with pytest.raises(WeightsError, match="no such weight file"):
            crosscam.load_weights(model, path)


@pytest.mark.parametrize(
    "prefix", ["model.", "backbone.", "base.", "_orig_mod.", "module.module.", "module._orig_mod."]
)
def test_a_prefix_that_all_names_share_is_taken_off_and_said(tmp_path, trained, model, prefix):
    weights = {f"{prefix}{name}": value for name, value in state(trained).items()}
    torch.save({"model": weights}, tmp_path / "w.pth")
    loaded = crosscam.load_weights(model, tmp_path / "w.pth")
    assert same(state(model), state(trained))
    assert loaded.prefix == prefix
    assert loaded.notes == (f"the prefix {prefix!r} of all names was taken off",)
    assert loaded.skipped == loaded.missing == ()


def test_a_prefix_that_some_names_lack_stays(tmp_path, trained, model):
    weights = {
        name if name.startswith("classifier") else f"backbone.{name}": value
        for name, value in state(trained).items()
    }
    torch.save(weights, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=r"lacks: conv1.weight"):
        crosscam.load_weights(model, tmp_path / "w.pth")


def test_old_names_that_all_share_their_beginning_keep_it(tmp_path):
    """Those of a published ResNet-50 without its classifier, which all begin with `base.`."""
    torch.manual_seed(1)
    model = crosscam.create_model("resnet50", num_classes=2)
    parts = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
    weights = {}
    for name, value in state(model).items():
        first, _, rest = name.partition(".")
        if first in parts:
            weights[f"base.{parts.index(first)}.{rest}"] = value
    torch.save(weights, tmp_path / "w.pth")
    loaded = crosscam.load_weights(model, tmp_path / "w.pth")
    assert loaded.prefix == ""
    assert loaded.missing == ("classifier.weight", "classifier.bias")


def test_a_start_says_what_was_taken_off(tmp_path, trained):
    torch.save({f"net.{k}": v for k, v in state(trained).items()}, tmp_path / "w.pth")
    notes = []
    crosscam.create_model(
        "resnet18", num_classes=5, weights=tmp_path / "w.pth", on_note=notes.append
    )
    assert notes == [f"{tmp_path / 'w.pth'}: the prefix 'net.' of all names was taken off"]


def test_a_checkpoint_is_used_whatever_its_names_begin_with(tmp_path, trained):
    torch.save({"net_dict": {f"net.{k}": v for k, v in state(trained).items()}}, tmp_path / "w.pth")
    model, card = open_model(tmp_path / "w.pth", architecture="resnet18")
    assert same(state(model), state(trained))
    assert card.num_classes == 5
    assert card.source.endswith("; the prefix 'net.' of all names was taken off")


def test_the_state_of_a_training_is_a_start_and_no_model(tmp_path, trained, model):
    """It knows no input size, so it could not be used as it was trained."""
    run = tmp_path / "last.pt"
    torch.save({"model": state(trained), "optimizer": {"state": {}}, "next_step": (1, 0)}, run)
    (tmp_path / "recipe.toml").touch()
    assert crosscam.load_weights(model, run).missing == ()
    with pytest.raises(WeightsError, match="state of a training.*give the run's folder"):
        open_model(run, architecture="resnet18")
