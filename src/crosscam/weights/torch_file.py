"""The two formats that `torch.save` writes: today's zip, and the one before it.

Every storage that a tensor uses is filled from the file to its last byte, and no more is made than
the file holds.
"""

import io
import os
import struct
import zipfile
from collections.abc import Mapping
from typing import Any, BinaryIO

import torch
from torch import Tensor

from crosscam.weights.pickled import read_pickle

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_LONGEST_PICKLE = 1 << 24  # bytes
_CHUNK = 1 << 20


def read_torch_file(stream: BinaryIO) -> Any:
    """What `torch.save` wrote, on the CPU: plain values and dense tensors, see `pickled`.

    Raises `ForeignError` if the file asks for anything else, and one of many exceptions, a
    `ValueError` where there is something to say, if it is broken.
    """
    is_zip = stream.read(4) == b"PK\x03\x04"
    stream.seek(0)
    if not is_zip:
        return _read_old(stream)
    with zipfile.ZipFile(stream) as archive:
        return _read_zip(archive, _entries(archive, size=_size_of(stream)))


def _entries(archive: zipfile.ZipFile, *, size: int) -> dict[str, zipfile.ZipInfo]:
    """What a zip of `size` bytes holds, by name: not compressed, and no more than it is long."""
    entries = {entry.filename: entry for entry in archive.infolist()}
    if len(entries) < len(archive.infolist()):
        raise ValueError("it has two entries of one name")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
        raise ValueError("it is compressed, which no checkpoint is")
    if sum(entry.file_size for entry in entries.values()) > size:
        raise ValueError("it holds more inside than it is long")
    return entries


def _read_zip(archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo]) -> Any:
    folders = [name.removesuffix("/data.pkl") for name in entries if name.endswith("/data.pkl")]
    if len(folders) != 1:
        raise ValueError("it is a zip, but not one that torch.save wrote")
    (folder,) = folders
    if f"{folder}/constants.pkl" in entries:
        raise ValueError("it is a compiled model; save the state_dict of the model instead")
    order = entries.get(f"{folder}/byteorder")
    if order is not None and archive.read(order) != b"little":
        raise ValueError("its numbers have their highest byte first")
    known: dict[str, Tensor] = {}

    def find_storage(kind: torch.dtype, key: str, count: int) -> Tensor:
        if key not in known:
            entry = entries[f"{folder}/data/{key}"]
            if entry.file_size != count * kind.itemsize:
                raise ValueError(f"its storage {key} is not as long as it says")
            with archive.open(entry) as source:
                known[key] = _zeros(kind, count)
                _fill(known[key], source)
        return _same(known[key], kind, key, count)

    pickled = entries[f"{folder}/data.pkl"]
    if pickled.file_size > _LONGEST_PICKLE:
        raise ValueError(f"its pickle has {pickled.file_size} bytes, as no file of weights")
    return read_pickle(io.BytesIO(archive.read(pickled)), find_storage)


def _read_old(stream: BinaryIO) -> Any:
    """Magic number, version and system; then the content, the storages' keys, and the storages."""
    head = io.BytesIO(stream.read(_LONGEST_PICKLE))
    if read_pickle(head, _no_storage) != _MAGIC_NUMBER:
        raise ValueError("torch.save did not write it")
    for _ in ("version", "system"):
        read_pickle(head, _no_storage)
    known: dict[str, Tensor] = {}
    left = _size_of(stream)

    def find_storage(kind: torch.dtype, key: str, count: int) -> Tensor:
        nonlocal left
        if key not in known:
            left -= count * kind.itemsize
            if left < 0:
                raise ValueError("it holds more inside than it is long")
            known[key] = _zeros(kind, count)
        return _same(known[key], kind, key, count)

    content = read_pickle(head, find_storage)
    keys = read_pickle(head, _no_storage)
    if not isinstance(keys, list) or sorted(keys) != sorted(known):
        raise ValueError("the storages that it lists are not those that its tensors use")
    stream.seek(head.tell())
    for key in keys:
        (count,) = struct.unpack("<q", stream.read(8))
        if count != len(known[key]):
            raise ValueError(f"its storage {key} is not as long as it says")
        _fill(known[key], stream)
    return content


def _no_storage(_kind: torch.dtype, _key: str, _count: int) -> Tensor:
    raise ValueError("it has a tensor where there is none")


def _same(storage: Tensor, kind: torch.dtype, key: str, count: int) -> Tensor:
    if storage.dtype != kind or len(storage) != count:
        raise ValueError(f"its storage {key} is of two types or lengths")
    return storage


def _zeros(kind: torch.dtype, count: int) -> Tensor:
    return torch.zeros(count * kind.itemsize, dtype=torch.uint8).view(kind)


def _fill(storage: Tensor, source: Any) -> None:
    """Read a storage whole; the end of a zip's entry is where its checksum is looked at."""
    content = storage.view(torch.uint8).numpy().data
    at = 0
    while at < len(content):
        count = source.readinto(content[at : at + _CHUNK])
        if not count:
            raise ValueError("it ends in the middle of a tensor")
        at += count


def _size_of(stream: BinaryIO) -> int:
    return os.fstat(stream.fileno()).st_size
