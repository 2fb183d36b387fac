"""Weights from files: what is taken, what is skipped, what is refused; nothing is run."""

import io
import pickle
import zipfile

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


def without(weights, name):
    return {key: value for key, value in weights.items() if key != name}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: without(w, "conv1.weight"), "lacks: conv1.weight; it was made for another"),
        (lambda w: {**w, "extra": torch.ones(1)}, "has what this model does not: extra"),
        (lambda w: {**w, "bn1.bias": torch.ones(3)}, r"bn1.bias \(3,\) instead of \(64,\)"),
        (lambda w: {**w, "bn1.bias": torch.full((64,), torch.nan)}, "not finite: bn1.bias"),
        (lambda w: {**w, "bn1.bias": torch.full((64,), torch.inf)}, "not finite: bn1.bias"),
        (lambda w: {**w, "bn1.bias": "text"}, "'bn1.bias' is a str"),
        (lambda w: {**w, 7: torch.ones(1)}, "7 is a Tensor"),
        (lambda w: {}, "holds no state_dict"),
        (lambda w: [1, 2], "holds no state_dict: list at its top"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_model_stays(
    tmp_path, trained, model, change, message
):
    torch.save(change(state(trained)), tmp_path / "w.pth")
    before = state(model)
    with pytest.raises(WeightsError, match=message):
        crosscam.load_weights(model, tmp_path / "w.pth")
    assert same(before, state(model))


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return (open, (str(self.marker), "w"))


@pytest.mark.parametrize("kind", ["zip", "old", "bare pickle", "inside"])
def test_nothing_in_a_file_is_run(tmp_path, model, kind):
    marker, path = tmp_path / "marker", tmp_path / "w.pth"
    if kind == "bare pickle":
        path.write_bytes(pickle.dumps(Bomb(marker)))
    else:
        content = (
            {"state_dict": {"conv1.weight": Bomb(marker)}} if kind == "inside" else Bomb(marker)
        )
        torch.save(content, path, _use_new_zipfile_serialization=kind != "old")
    with pytest.raises(WeightsError, match="holds more than tensors"):
        crosscam.load_weights(model, path)
    assert not marker.exists()


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "zip of nothing", "cut safetensors"])
def test_broken_files_are_refused(tmp_path, trained, model, kind):
    path = tmp_path / ("w.safetensors" if kind == "cut safetensors" else "w.pth")
    whole = io.BytesIO()
    torch.save(state(trained), whole)
    if kind == "cut safetensors":
        save_file(state(trained), path)
        path.write_bytes(path.read_bytes()[:5000])
    elif kind == "zip of nothing":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a", "b")
    else:
        path.write_bytes({"empty": b"", "text": b"hello", "cut": whole.getvalue()[:100_000]}[kind])
    with pytest.raises(WeightsError, match="is not a file of weights, or is broken"):
        crosscam.load_weights(model, path)


def test_a_missing_file_and_a_folder(tmp_path, model):
    for path in (tmp_path / "gone.pth", tmp_path):
        with pytest.raises(WeightsError, match="no such weight file"):
            crosscam.load_weights(model, path)
