"""Weights from files: what is taken and what is skipped; `test_hostile_weights` has the rest."""

import pytest
import torch
from safetensors.torch import save_file

import crosscam
from crosscam.errors import WeightsError


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
