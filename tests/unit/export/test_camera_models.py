"""Models that use cameras on other runtimes: a second input, and what is no camera of theirs."""

import json

import numpy as np
import pytest
import torch
from tiny_vit import camera_embedder

import crosscam
from crosscam.embedding.runtimes import conversions
from crosscam.embedding.runtimes.conversions import converted
from crosscam.embedding.runtimes.onnx_file import read_onnx
from crosscam.embedding.runtimes.onnx_network import OnnxNetwork
from crosscam.errors import CrosscamWarning, WeightsError

CAMIDS = (3, 1, 70000)


@pytest.fixture(scope="module")
def embedder():
    return camera_embedder(CAMIDS)


@pytest.fixture(scope="module")
def exported(embedder, tmp_path_factory):
    return crosscam.export_model(embedder, tmp_path_factory.mktemp("exported") / "model.onnx")


@pytest.fixture(scope="module")
def pictures():
    return list(np.random.default_rng(0).integers(0, 256, (5, 80, 40, 3), dtype=np.uint8))


def test_an_exported_model_is_the_model_for_every_camera(exported, embedder, pictures):
    assert exported.check.batches == (1, 2, 17)
    assert exported.check.largest_distance < 1e-5
    assert exported.card.cameras == CAMIDS
    assert read_onnx(exported.file).cameras == CAMIDS
    loaded = crosscam.load_embedder(exported.file)
    assert loaded.card.num_cameras == 3
    for camids in ([3, 1, 70000, 1, 3], [70000] * 5):
        found = loaded.embed(pictures, camids=camids)
        np.testing.assert_allclose(found, embedder.embed(pictures, camids=camids), atol=1e-4)
    one, other = (loaded.embed(pictures[:1], camids=[camid]) for camid in (3, 1))
    assert not np.allclose(one, other, atol=1e-2)


@pytest.mark.parametrize("runtime", ["onnx", "openvino"])
def test_what_is_no_camera_of_theirs_is_the_mean_on_every_runtime(
    exported, embedder, pictures, runtime
):
    loaded = crosscam.load_embedder(exported.file, runtime=runtime)
    with pytest.warns(CrosscamWarning, match="the mean of its cameras") as said:
        expected = embedder.embed(pictures, batch_size=2)
    assert len(said) == 1
    for camids in (None, [2, -1, -(2**63), 2**62, 0]):
        with pytest.warns(CrosscamWarning, match="the mean of its cameras"):
            found = loaded.embed(pictures, camids=camids)
        np.testing.assert_allclose(found, expected, atol=1e-4)
    mixed = [3, 5, 1, 70000, 5]
    with pytest.warns(CrosscamWarning, match="the mean of its cameras"):
        found, torchs = (one.embed(pictures, camids=mixed) for one in (loaded, embedder))
    np.testing.assert_allclose(found, torchs, atol=1e-4)


def test_a_program_and_pixels_take_cameras_too(embedder, tmp_path):
    done = crosscam.export_model(
        embedder, tmp_path / "model.pt2", to="torch-export", with_preprocessing=True
    )
    module = torch.export.load(done.file).module()
    pixels = torch.randint(0, 256, (3, 64, 32, 3), dtype=torch.uint8)
    first = module(pixels, torch.tensor([3, 3, 3]))
    assert first.shape == (3, 32)
    assert not torch.allclose(first, module(pixels, torch.tensor([1, 1, 1])), atol=1e-2)


def test_a_converted_model_is_kept_with_its_cameras(embedder, exported, tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSCAM_CACHE", str(tmp_path))
    proto = pytest.importorskip("onnx").load(exported.file)
    proto.ClearField("metadata_props")
    monkeypatch.setattr(conversions, "to_onnx", lambda *_: proto)
    notes = []
    for _ in range(2):
        onnx = converted(embedder.network.model, embedder.card, on_note=notes.append)
        assert onnx.cameras == CAMIDS
    assert len(notes) == 1
    network = OnnxNetwork(onnx, runtime="onnx", size=(64, 32))
    images, camids = torch.randn(2, 3, 64, 32), torch.tensor([1, 70000])
    torch.testing.assert_close(
        network(images, camids), embedder.network(images, camids), atol=1e-4, rtol=1e-4
    )


def test_an_input_that_the_card_does_not_say_is_refused(exported, tmp_path):
    onnx = pytest.importorskip("onnx")
    proto = onnx.load(exported.file)
    card = json.loads(proto.metadata_props[0].value)
    del card["cameras"]
    proto.metadata_props[0].value = json.dumps(card)
    onnx.save(proto, tmp_path / "silent.onnx")
    with pytest.raises(WeightsError, match="must have one input, images, but has 2"):
        read_onnx(tmp_path / "silent.onnx")
    with pytest.raises(WeightsError, match="does not take images and their cameras"):
        read_onnx(make_other(exported.file, tmp_path / "other.onnx"))


def make_other(source, path):
    """A file whose card says cameras, and whose input is called otherwise."""
    onnx = pytest.importorskip("onnx")
    proto = onnx.load(source)
    proto.graph.input[1].name = "views"
    onnx.save(proto, path)
    return path
