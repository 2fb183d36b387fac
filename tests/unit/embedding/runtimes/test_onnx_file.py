"""Files of ONNX, also hostile ones: what is taken, and that the rest is refused in one line."""

import os

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_files import WEIGHTS, colour_model, move_out, with_metadata, write

from crosscam.embedding.runtimes.onnx_file import read_onnx
from crosscam.errors import WeightsError


def refused(file, *words):
    with pytest.raises(WeightsError) as caught:
        read_onnx(file)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    for word in words:
        assert word in message, message


def test_what_a_file_says(tmp_path):
    model = read_onnx(write(colour_model(), tmp_path / "any.onnx"))
    assert (model.kind, model.batch, model.size) == ("float32", None, (64, 32))
    assert (model.precision, model.card) == ("float32", None)
    model = read_onnx(write(colour_model(batch=1, kind=TensorProto.FLOAT16), tmp_path / "1.onnx"))
    assert (model.kind, model.batch) == ("float16", 1)


def test_what_is_no_model(tmp_path):
    for name, content in {"text": b"not a model", "empty": b"", "zeros": bytes(1000)}.items():
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name, "no ONNX file")
    whole = colour_model().SerializeToString()
    for length in range(1, len(whole), 40):
        (tmp_path / "cut").write_bytes(whole[:length])
        refused(tmp_path / "cut")
    refused(tmp_path / "missing", "cannot read")
    refused(tmp_path, "a folder")
    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "a pipe")


def test_numbers_beside_the_file_are_taken_in(tmp_path):
    (tmp_path / "numbers").write_bytes(b"before" + WEIGHTS.tobytes() + b"after")
    model = move_out(colour_model(), location="numbers", offset=6)
    found = read_onnx(write(model, tmp_path / "model.onnx"))
    inside = read_onnx(write(colour_model(), tmp_path / "inside.onnx"))
    tensor = type(model).FromString(found.content).graph.initializer[0]
    assert np.array_equal(numpy_helper.to_array(tensor), WEIGHTS)
    assert found.sha256 != inside.sha256
    (tmp_path / "numbers").write_bytes(b"before" + WEIGHTS.tobytes() + b"other")
    assert read_onnx(tmp_path / "model.onnx").sha256 != found.sha256


@pytest.mark.parametrize(
    "location",
    [
        *("../secret", "/etc/passwd", "", ".", "..", "a/b", "a\\b", "C:x", "x\0y", "x" * 300),
        *("link", "folder-link"),
    ],
)
def test_numbers_elsewhere_are_not_read(tmp_path, location):
    (tmp_path / "secret").write_bytes(WEIGHTS.tobytes())
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "folder-link").symlink_to(tmp_path)
    refused(write(move_out(colour_model(), location=location), folder / "m.onnx"), "own folder")


def test_numbers_behind_a_loop_of_links(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    refused(write(move_out(colour_model(), location="loop"), tmp_path / "m.onnx"), "cannot be read")


@pytest.mark.parametrize(
    ("offset", "length", "word"),
    [
        (1, 48, "cut short"),
        (10**15, 48, "cut short"),
        (-1, 48, "should have 48"),
        (0, 10**12, "should have 48"),
        (0, 12, "should have 48"),
        ("x", 48, "no usable place"),
        (0, "9" * 5000, "should have 48"),
    ],
)
def test_numbers_outside_their_file(tmp_path, offset, length, word):
    (tmp_path / "numbers").write_bytes(WEIGHTS.tobytes())
    model = move_out(colour_model(), location="numbers", offset=offset, length=length)
    refused(write(model, tmp_path / "m.onnx"), word)


def test_numbers_of_absurd_sizes(tmp_path):
    (tmp_path / "numbers").write_bytes(WEIGHTS.tobytes())
    model = move_out(colour_model(), location="numbers", length=4 * 2**40)
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend([2**20, 2**20])
    refused(write(model, tmp_path / "m.onnx"), "too large")
    model.graph.initializer[0].data_type = 99
    refused(write(model, tmp_path / "m.onnx"), "no known type")
    model = move_out(colour_model(), location="missing")
    refused(write(model, tmp_path / "m.onnx"), "missing beside it")


def test_numbers_of_constants_in_other_files(tmp_path):
    constant = numpy_helper.from_array(np.zeros(3, np.float32), "zeros")
    constant.data_location = TensorProto.EXTERNAL
    constant.external_data.add(key="location", value="/etc/passwd")
    node = helper.make_node("Constant", [], ["zeros"], value=constant)
    refused(write(colour_model(nodes=[node]), tmp_path / "m.onnx"), "not its weights")


def test_operators_of_others(tmp_path):
    node = helper.make_node("Evil\n\x1b[31m", ["images"], ["x"], domain="com.example")
    refused(write(colour_model(nodes=[node]), tmp_path / "m.onnx"), "com.example.Evil")
    inner = helper.make_graph([node], "inner", [], [])
    branch = helper.make_node("If", ["images"], ["x"], then_branch=inner, else_branch=inner)
    refused(write(colour_model(nodes=[branch]), tmp_path / "m.onnx"), "com.example")
    loop = helper.make_node("Loop", ["", ""], ["x"], body=helper.make_graph([], "b", [], []))
    refused(write(colour_model(nodes=[loop]), tmp_path / "m.onnx"), "never end")
    model = colour_model()
    model.functions.add(name="f", domain="")
    refused(write(model, tmp_path / "m.onnx"), "functions of its own")


def test_what_is_no_network_from_images_to_features(tmp_path):
    file = tmp_path / "m.onnx"
    refused(write(colour_model(outputs=2), file), "one output", "features, colours")
    refused(write(colour_model(kind=TensorProto.INT64), file), "does not take images")
    refused(write(colour_model(size=(64, 32, 1)), file), "does not take images")
    refused(write(colour_model(size=(10**6, 32)), file), "4096")
    model = colour_model()
    model.graph.input.add().CopyFrom(model.graph.input[0])
    model.graph.input[1].name = "other"
    refused(write(model, file), "one input")


def test_cards_that_are_none(tmp_path):
    file = tmp_path / "m.onnx"
    for text in ("", "{}", "nonsense", '{"format": 2}', "[" * 10_000):
        refused(write(with_metadata(colour_model(), text), file), "card")
    refused(write(with_metadata(colour_model(), "x" * (1 << 24) + "x"), file), "no usable card")
    pictures = colour_model(kind=TensorProto.UINT8, size=(32, 3))
    refused(write(pictures, file), "has no card")
