"""The numbers of an ONNX model that lie in files beside it, put into it."""

import hashlib
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from crosscam.errors import WeightsError
from crosscam.extras import import_extra
from crosscam.files import open_plain, quoted, sha256_of
from crosscam.weights.reading import one_line

_LONGEST_NAME = 255  # characters
_PURPOSE = "reading an ONNX file"


class _Place(NamedTuple):
    file: str
    offset: int
    length: int


def take_in(proto: Any, folder: Path, name: str, *, largest: int) -> list[str]:
    """Put numbers that lie in files of `folder` into the model `proto`; the hashes of those files.

    No more than `largest` bytes are taken. Raises `WeightsError`, which calls the model `name`, if
    they are not all there, or lie anywhere else.
    """
    onnx = import_extra("onnx", extra="onnx", purpose=_PURPOSE)
    outside = onnx.TensorProto.EXTERNAL
    if any(tensor.data_location == outside for tensor in _constants(proto.graph, onnx)):
        raise WeightsError(f"{name} has numbers in other files that are not its weights")
    waiting = [tensor for tensor in proto.graph.initializer if tensor.data_location == outside]
    places = [_place_of(tensor, name, onnx) for tensor in waiting]
    if sum(place.length for place in places) > largest:
        raise WeightsError(f"{name} is too large: it and its numbers must have less than 2 GiB")
    files = {place.file: _file_of(place.file, folder, name) for place in places}
    for tensor, place in zip(waiting, places, strict=True):
        tensor.raw_data = _read(files[place.file], place, name)
        del tensor.external_data[:]
        tensor.data_location = onnx.TensorProto.DEFAULT
    return [hashlib.sha256(file.encode()).hexdigest() + sha256_of(files[file]) for file in files]


def _constants(graph: Any, onnx: Any) -> Iterator[Any]:
    """All tensors of a graph but its weights, with those of the graphs in it."""
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            inner = [attribute.g] if attribute.HasField("g") else []
            for below in (*inner, *attribute.graphs):
                yield from below.initializer
                yield from _constants(below, onnx)


def _place_of(tensor: Any, name: str, onnx: Any) -> _Place:
    """Where the numbers of a tensor are said to be; they must be as many as its shape has."""
    said = {entry.key: entry.value for entry in tensor.external_data}
    shown = f"{name}: the numbers of {one_line(tensor.name)}"
    try:
        kind = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
    except KeyError:
        raise WeightsError(f"{shown} are of no known type") from None
    wanted = math.prod(tensor.dims) * kind.itemsize
    try:
        offset = int(said.get("offset", "0")[:20])
        length = int(said.get("length", str(wanted))[:20])
    except ValueError:
        raise WeightsError(f"{shown} have no usable place") from None
    if offset < 0 or length != wanted or min(tensor.dims, default=1) < 0:
        raise WeightsError(f"{shown} should have {wanted:,} bytes, not {length:,} from {offset:,}")
    return _Place(said.get("location", ""), offset, length)


def _file_of(location: str, folder: Path, name: str) -> Path:
    """The file of that name, which must be in the folder itself."""
    plain = 0 < len(location) <= _LONGEST_NAME and not set(location) & set("/\\:\0")
    file = folder / location if plain else folder
    inside = Path(os.path.realpath(file)).parent == Path(os.path.realpath(folder))
    if not plain or not inside:  # which "." and ".." are not, either
        raise WeightsError(
            f"{name} has numbers in {one_line(repr(location))}, which is not in its own folder; "
            "only files beside it are read"
        )
    return file


def _read(file: Path, place: _Place, name: str) -> bytes:
    try:
        with open_plain(file) as stream:
            there = stream.seek(0, os.SEEK_END) - place.offset
            content = b""
            if there >= place.length:
                stream.seek(place.offset)
                content = stream.read(place.length)
    except OSError as error:
        raise WeightsError(
            f"{name} needs {quoted(file)} beside it, which cannot be read: {error.strerror}"
        ) from None
    if len(content) != place.length:
        raise WeightsError(f"{quoted(file)} is cut short, or not the one that {name} needs")
    return content
