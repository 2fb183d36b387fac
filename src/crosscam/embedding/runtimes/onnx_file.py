"""An ONNX file, whoever made it, read without trust.

It is parsed here, with numbers in a file beside it put in, and checked; what the runtimes get is
one block of bytes, which names no other file and no code of its own.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from crosscam.choices import Precision
from crosscam.embedding.conversion import CAMERAS_NAME, INPUT_NAME
from crosscam.embedding.exported import METADATA_KEY, ExportCard
from crosscam.embedding.runtimes.onnx_numbers import take_in
from crosscam.errors import WeightsError
from crosscam.extras import import_extra
from crosscam.files import open_plain, quoted
from crosscam.settings.faults import first_fault
from crosscam.weights.reading import one_line

LARGEST = (1 << 31) - 1  # bytes, of a model with its numbers: more is no message of protobuf
_LONGEST_CARD = 1 << 24  # characters
_OWN_DOMAINS = ("", "ai.onnx")
_UNENDING = ("Loop", "Scan")
_OF_INTEGERS = ("DequantizeLinear", "QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger")

InputKind = Literal["float32", "float16", "levels"]


@dataclass(frozen=True)
class OnnxModel:
    """A model as ONNX, checked as far as it can be without being run.

    content: the model with all of its numbers, as a message of protobuf.
    source: what it is called in messages.
    sha256: of the file, or of its hash and those of the files of numbers beside it.
    kind: the input: normalised (N, 3, H, W) "float32" or "float16", or "levels": (N, H, W, 3) uint8
        RGB, which the model normalises itself.
    size: (height, width) of the input in pixels, each None where the file leaves it open.
    batch: how many images it takes at a time, None where that is open.
    precision: what its numbers are.
    card: what an export by crosscam says, None in files of others.
    cameras: those that it tells apart, whose numbers are its second input, "camids" (N,) int64;
        None where it has no such input, as in files of others.
    """

    content: bytes
    source: str
    sha256: str
    kind: InputKind
    size: tuple[int | None, int | None]
    batch: int | None
    precision: Precision
    card: ExportCard | None
    cameras: tuple[int, ...] | None = None


def read_onnx(path: str | os.PathLike[str], *, cameras: tuple[int, ...] | None = None) -> OnnxModel:
    """The model of an ONNX file; numbers may lie in files in the same folder, and nowhere else.

    `cameras` are those that a file without a card tells apart, None if it has no such input.
    Nothing is run. Raises `WeightsError` for a file that is broken, too large, no network from
    images to features, or that asks for operators of others; `ExtraError` without onnx.
    """
    file = Path(path)
    name = quoted(file)
    try:
        with open_plain(file) as stream:
            content = stream.read(LARGEST + 1)
    except OSError as error:
        raise WeightsError(f"cannot read {name}: {error.strerror}") from None
    if len(content) > LARGEST:
        raise WeightsError(f"{name} is too large: models of ONNX in one file have less than 2 GiB")
    proto = _parse(content, name)
    hashes = take_in(proto, file.parent, name, largest=LARGEST - len(content))
    model = check_onnx(proto, content if not hashes else None, name, cameras=cameras)
    if not hashes:
        return model
    whole = "".join([model.sha256, *hashes])
    return replace(
        model,
        content=proto.SerializeToString(),
        sha256=hashlib.sha256(whole.encode()).hexdigest(),
    )


def check_onnx(
    proto: Any, content: bytes | None, name: str, *, cameras: tuple[int, ...] | None = None
) -> OnnxModel:
    """The model of an `onnx.ModelProto` without numbers elsewhere; `content` is it as bytes.

    `cameras` are as for `read_onnx`. Raises `WeightsError` as `read_onnx` does.
    """
    _refuse_foreign(proto, name)
    card = _card(proto, name)
    cameras = cameras if card is None else card.cameras
    kind, batch, size = _input(proto, name, with_cameras=cameras is not None)
    if len(proto.graph.output) != 1:
        found = ", ".join(one_line(output.name) for output in proto.graph.output[:5]) or "none"
        raise WeightsError(
            f"{name} must have one output, the features, but has {len(proto.graph.output)} "
            f"({found}); export the network with its features alone"
        )
    if card is not None and card.has_preprocessing != (kind == "levels"):
        raise WeightsError(f"{name} is not what its card says: its input is {kind}; export anew")
    if card is None and kind == "levels":
        raise WeightsError(
            f"{name} takes uint8 pictures, and has no card of crosscam that says what it does to "
            "them; export the network with normalised float input (N, 3, height, width)"
        )
    whole = proto.SerializeToString() if content is None else content
    precision = _precision(proto) if card is None else card.precision
    digest = hashlib.sha256(whole).hexdigest()
    return OnnxModel(whole, name, digest, kind, size, batch, precision, card, cameras)


def _parse(content: bytes, name: str) -> Any:
    onnx = import_extra("onnx", extra="onnx", purpose="reading an ONNX file")
    broken = import_extra("google.protobuf.message", extra="onnx", purpose="reading an ONNX file")
    proto = onnx.ModelProto()
    try:
        proto.ParseFromString(content)
    except broken.DecodeError:
        raise WeightsError(f"{name} is broken, or no ONNX file") from None
    if not proto.HasField("graph") or not proto.graph.node:
        raise WeightsError(f"{name} is broken, or no ONNX file: there is no network in it")
    return proto


def _refuse_foreign(proto: Any, name: str) -> None:
    """Refuse what needs code that the runtimes do not come with, and what may never end."""
    if proto.functions:
        raise WeightsError(f"{name} defines functions of its own; inline them (onnx.inliner)")
    for graph in _graphs(proto.graph):
        for node in graph.node:
            operator = one_line(f"{node.domain}.{node.op_type}")
            if node.domain not in _OWN_DOMAINS:
                raise WeightsError(
                    f"{name} needs the operator {operator}, which is none of ONNX itself; export "
                    "the network with standard operators alone"
                )
            if node.op_type in _UNENDING:
                raise WeightsError(f"{name} has a loop ({node.op_type}), which may never end")


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)
            for inner in attribute.graphs:
                yield from _graphs(inner)


def _input(
    proto: Any, name: str, *, with_cameras: bool
) -> tuple[InputKind, int | None, tuple[int | None, int | None]]:
    """What the input of images is: its kind, their number, and their height and width."""
    onnx = import_extra("onnx", extra="onnx", purpose="reading an ONNX file")
    numbers = {tensor.name for tensor in proto.graph.initializer}
    inputs = [given for given in proto.graph.input if given.name not in numbers]
    if with_cameras:
        _refuse_no_cameras(inputs, name)
    elif len(inputs) != 1:
        raise WeightsError(f"{name} must have one input, images, but has {len(inputs)}")
    tensor = inputs[0].type.tensor_type
    dims = [dim.dim_value if dim.dim_value > 0 else None for dim in tensor.shape.dim]
    kinds: dict[int, InputKind] = {
        onnx.TensorProto.FLOAT: "float32",
        onnx.TensorProto.FLOAT16: "float16",
        onnx.TensorProto.UINT8: "levels",
    }
    kind = kinds.get(tensor.elem_type)
    channels = -1 if kind == "levels" else 1
    if kind is None or len(dims) != 4 or dims[channels] not in (3, None):
        shape = tuple("any" if dim is None else dim for dim in dims)
        raise WeightsError(
            f"{name} does not take images: its input must be (N, 3, height, width) float32, and is "
            f"{shape} of type {tensor.elem_type}"
        )
    height, width = dims[1:3] if kind == "levels" else dims[2:4]
    if max(height or 1, width or 1) > 4096:
        raise WeightsError(f"{name} takes images of {height} x {width} pixels, more than 4096")
    return kind, dims[0], (height, width)


def _refuse_no_cameras(inputs: list[Any], name: str) -> None:
    """Refuse a model that is to take cameras, and does not take (N,) int64 "camids" second."""
    onnx = import_extra("onnx", extra="onnx", purpose="reading an ONNX file")
    if [given.name for given in inputs] == [INPUT_NAME, CAMERAS_NAME]:
        tensor = inputs[1].type.tensor_type
        if tensor.elem_type == onnx.TensorProto.INT64 and len(tensor.shape.dim) == 1:
            return
    raise WeightsError(f"{name} does not take images and their cameras as its card says")


def _card(proto: Any, name: str) -> ExportCard | None:
    texts = [entry.value for entry in proto.metadata_props if entry.key == METADATA_KEY]
    if not texts:
        return None
    if len(texts) > 1 or len(texts[0]) > _LONGEST_CARD:
        raise WeightsError(f"{name} has no usable card: it is too long, or there are several")
    try:
        return ExportCard.model_validate_json(texts[0])
    except ValidationError as error:
        raise WeightsError(f"the card in {name} is none: {one_line(first_fault(error))}") from None


def _precision(proto: Any) -> Precision:
    """What the numbers of a file without a card are."""
    onnx = import_extra("onnx", extra="onnx", purpose="reading an ONNX file")
    if any(node.op_type in _OF_INTEGERS for node in proto.graph.node):
        return "int8"
    types = {tensor.data_type for tensor in proto.graph.initializer}
    if onnx.TensorProto.FLOAT16 in types:
        return "float16"
    return "bf16" if onnx.TensorProto.BFLOAT16 in types else "float32"
