"""ONNX files made by hand: four features of an image, of its mean colour."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHTS = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


def colour_model(*, batch="batch", size=(64, 32), kind=TensorProto.FLOAT, outputs=1, nodes=()):
    """A model of images (batch, 3, *size) whose features are their mean colours times WEIGHTS.

    `nodes` come before the others; what they put into "more" is a second output where `outputs` is
    2.
    """
    own = [
        helper.make_node("Cast", ["images"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("GlobalAveragePool", ["cast"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["colours"]),
        helper.make_node("MatMul", ["colours", "weights"], ["features"]),
    ]
    found = [helper.make_tensor_value_info("features", TensorProto.FLOAT, [batch, 4])]
    if outputs == 2:
        found.append(helper.make_tensor_value_info("colours", TensorProto.FLOAT, [batch, 3]))
    graph = helper.make_graph(
        [*nodes, *own],
        "colours",
        [helper.make_tensor_value_info("images", kind, [batch, 3, *size])],
        found,
        [numpy_helper.from_array(WEIGHTS, "weights")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def move_out(model, *, location, offset=0, length=WEIGHTS.nbytes):
    """The model with its weights said to lie in another file; nothing is written."""
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": offset, "length": length}.items():
        tensor.external_data.add(key=key, value=str(value))
    return model


def write(model, file):
    """The model at `file`."""
    file.write_bytes(model.SerializeToString())
    return file


def with_metadata(model, text):
    """The model with that under crosscam's key."""
    onnx.helper.set_model_props(model, {"crosscam": text})
    return model
