"""The same model on each runtime: the same features, whatever the batch, and from any thread."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from onnx_files import WEIGHTS, colour_model, with_metadata, write
from PIL import Image

import crosscam
from crosscam import extras
from crosscam.data.transforms import Preprocess
from crosscam.embedding.exported import ExportCard
from crosscam.embedding.runtimes import sessions
from crosscam.embedding.runtimes.onnx_file import read_onnx
from crosscam.embedding.runtimes.onnx_network import OnnxNetwork
from crosscam.embedding.runtimes.speeds import images_for, largest_distance
from crosscam.errors import DeviceError, ExtraError, InputError, WeightsError
from crosscam.weights.saved import read_card

SIZE = (64, 32)
RUNTIMES = ("onnx", "openvino")
PLAIN = Preprocess(*SIZE, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def pictures(count):
    rng = np.random.default_rng(7)
    return [rng.integers(0, 256, (90, 40, 3), dtype=np.uint8) for _ in range(count)]


@pytest.fixture(scope="module", params=RUNTIMES)
def embedder(request, saved_lightres):
    return crosscam.load_embedder(saved_lightres, runtime=request.param)


@pytest.fixture(scope="module")
def original(saved_lightres):
    return crosscam.load_embedder(saved_lightres, runtime="torch")


@pytest.mark.parametrize("count", [0, 1, 2, 17])
def test_features_are_those_of_torch(embedder, original, count):
    found, wanted = (each.embed(pictures(count)) for each in (embedder, original))
    assert (found.shape, found.dtype) == (wanted.shape, np.float32)
    if count:
        assert largest_distance(torch.from_numpy(found), torch.from_numpy(wanted)) < 1e-5
    assert embedder.made_by == original.made_by
    assert (embedder.network.precision, embedder.network.device.type) == ("float32", "cpu")


def test_networks_are_shared_by_threads_and_sent_to_processes(embedder):
    images = images_for(SIZE)
    wanted = embedder.network(images, None)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: embedder.network(images, None), range(12)))
    assert all(torch.equal(each, wanted) for each in found)
    assert torch.equal(pickle.loads(pickle.dumps(embedder)).network(images, None), wanted)


def test_images_of_another_size_are_refused(embedder):
    with pytest.raises(InputError, match="64, 32"):
        embedder.network(torch.zeros(1, 3, 32, 64), None)


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("batch", ["batch", 1, 4])
def test_a_strangers_file(tmp_path, runtime, batch):
    file = write(colour_model(batch=batch), tmp_path / "stranger's.onnx")
    notes = []
    embedder = crosscam.load_embedder(
        file, runtime=runtime, preprocess=PLAIN, metric="cosine", on_note=notes.append
    )
    given = pictures(6)
    wanted = np.stack([PLAIN(each) for each in map(_image, given)]).mean((2, 3)) @ WEIGHTS
    np.testing.assert_allclose(embedder.embed(given), wanted, rtol=1e-4, atol=1e-5)
    assert any("at a time" in note for note in notes) == (batch != "batch")
    assert (embedder.metric, embedder.feature_dim, embedder.card.feature_dim) == ("cosine", 4, 4)
    assert embedder.made_by.startswith(embedder.card.weights_sha256[:16])


def _image(pixels):
    return Image.fromarray(pixels)


def test_what_a_strangers_file_needs_is_said(tmp_path):
    file = write(colour_model(), tmp_path / "m.onnx")
    with pytest.raises(InputError, match=r"Preprocess\(64, 32\).*--input 64x32.*--metric"):
        crosscam.load_embedder(file)
    with pytest.raises(InputError, match="64 x 32 pixels .* not 256 x 128"):
        crosscam.load_embedder(file, preprocess=Preprocess(256, 128), metric="cosine")
    with pytest.raises(InputError, match="runs on onnx or openvino"):
        crosscam.load_embedder(file, runtime="torch", preprocess=PLAIN, metric="cosine")
    with pytest.raises(DeviceError, match="no bf16"):
        crosscam.load_embedder(
            file, runtime="onnx", precision="bf16", preprocess=PLAIN, metric="cosine"
        )


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_models_that_cannot_be_run(tmp_path, runtime):
    model = colour_model()
    model.graph.node[0].op_type = "NoSuchOperator"
    file = write(model, tmp_path / "m.onnx")
    with pytest.raises(WeightsError, match="cannot take"):
        OnnxNetwork(read_onnx(file), runtime=runtime, size=SIZE)
    model = colour_model()
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("pooled", TensorProto.FLOAT, None))
    with pytest.raises(WeightsError, match=r"gives .*\(2, 3, 1, 1\)"):
        OnnxNetwork(read_onnx(write(model, file)), runtime=runtime, size=SIZE)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_export_that_takes_levels(tmp_path, saved_lightres, runtime):
    """It is given the very levels, so that whoever normalises, features are the same."""
    model = colour_model(kind=TensorProto.UINT8, size=())
    shape = model.graph.input[0].type.tensor_type.shape
    for side in (*SIZE, 3):
        shape.dim.add().dim_value = side
    del shape.dim[1]
    nodes = list(model.graph.node)
    nodes[0].output[0] = "levels"
    turn = helper.make_node("Transpose", ["levels"], ["cast"], perm=[0, 3, 1, 2])
    del model.graph.node[:]
    model.graph.node.extend([nodes[0], turn, *nodes[1:]])
    card = read_card(saved_lightres).model_copy(update={"feature_dim": 4})
    said = ExportCard(card=card, opset=18, has_preprocessing=True).model_dump_json()
    file = write(with_metadata(model, said), tmp_path / "m.onnx")
    embedder = crosscam.load_embedder(file, runtime=runtime)
    assert embedder.card == card
    given = pictures(5)
    resized = [embedder.preprocess.resize(_image(each)) for each in given]
    wanted = np.stack([np.asarray(each, np.float32) for each in resized]).mean((1, 2)) @ WEIGHTS
    np.testing.assert_allclose(embedder.embed(given), wanted, rtol=1e-5, atol=1e-3)
    with pytest.raises(InputError, match="give neither"):
        crosscam.load_embedder(file, metric="cosine")
    lying = ExportCard(card=card, opset=18).model_dump_json()
    with pytest.raises(WeightsError, match="not what its card says"):
        crosscam.load_embedder(write(with_metadata(model, lying), file))


@pytest.mark.parametrize(("module", "runtime"), [("onnxruntime", "onnx"), ("openvino", "openvino")])
def test_what_is_not_installed_is_named(monkeypatch, saved_lightres, module, runtime):
    real = extras.import_module

    def without(name):
        if name == module:
            raise ImportError(name)
        return real(name)

    monkeypatch.setattr(extras, "import_module", without)
    with pytest.raises(ExtraError, match=rf"crosscam\[{runtime}\]"):
        crosscam.load_embedder(saved_lightres, runtime=runtime)


def test_reduced_precision_is_in_the_name(saved_lightres, original):
    reduced = crosscam.load_embedder(saved_lightres, runtime="torch", precision="bf16")
    assert reduced.made_by == f"{original.made_by}-bf16"
    found, wanted = (torch.from_numpy(each.embed(pictures(4))) for each in (reduced, original))
    assert 1e-9 < largest_distance(found, wanted) < 1e-2
    with pytest.raises(DeviceError, match="ONNX Runtime has no bf16"):
        crosscam.load_embedder(saved_lightres, runtime="onnx", precision="bf16")


def test_openvino_in_bf16_where_the_processor_has_none(monkeypatch, tmp_path):
    """It would compute in float32 without a word."""
    openvino = pytest.importorskip("openvino")
    if "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has it")
    content = colour_model().SerializeToString()
    with pytest.raises(DeviceError, match="no bf16 on this processor"):
        sessions.open_openvino(content, source="it", threads=1, precision="bf16")


def test_wrong_words_are_refused(saved_lightres):
    for wrong in ({"runtime": "tensorrt"}, {"precision": "int8"}, {"metric": "cosine"}):
        with pytest.raises(InputError):
            crosscam.load_embedder(saved_lightres, **wrong)
    with pytest.raises(DeviceError, match="unknown device|for the processor"):
        crosscam.load_embedder(saved_lightres, runtime="onnx", device="gpu")
    with pytest.raises(WeightsError, match="can run code"):
        crosscam.load_embedder("model.pt2")
