"""Features in NumPy's `.npz`, read without unpickling and with no more memory than they need."""

import os
import zipfile
import zlib
from math import prod
from typing import IO, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from crosscam.embedding.feature_columns import Columns, Values, find_columns, refuse_bomb
from crosscam.embedding.feature_file import CARD_KEY
from crosscam.errors import DataError

_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,  # what zipfile says of an entry with a password
    ValueError,
)
_BLOCK = 1 << 22
_LONGEST_CARD = 1 << 20
_SAFE = "save numbers or strings of NumPy"


def read_npz(stream: IO[bytes], file: str) -> Columns:
    """The arrays of features, labels and card in a `.npz` that is called `file` in messages.

    Raises `DataError` for whatever is no such file: nothing in it is executed, and none of its
    arrays is larger than the file says and could fill.
    """
    size = os.fstat(stream.fileno()).st_size
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
            spelt = find_columns(entries, file)
            stated = sum(entries[name].file_size for name in spelt.values())
            refuse_bomb(stated, size, file)
            features = _features(archive, entries[spelt["features"]], file)
            labels = {
                column: _labels(archive, entries[name], len(features), file)
                for column, name in spelt.items()
                if column != "features"
            }
            card = _card(archive, entries[CARD_KEY], file) if CARD_KEY in entries else None
    except _BROKEN as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{file} is no sound .npz: {words[:200]}; make it again") from None
    return Columns(features, labels, card)


class _Header(NamedTuple):
    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype[np.generic]


def _header(member: IO[bytes], entry: zipfile.ZipInfo, file: str) -> _Header:
    """What an array says of itself, if its bytes are as many as that takes."""
    version = npy.read_magic(member)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise DataError(f"{file}: {entry.filename} is of an unknown version of .npy; {_SAFE}")
    header = _Header(*read(member))
    if header.dtype.hasobject or header.dtype.kind not in "iufbUS":
        raise DataError(
            f"{file}: {entry.filename} holds {header.dtype}, which is not read, since Python "
            f"objects can run code; {_SAFE}"
        )
    wanted = prod(header.shape) * header.dtype.itemsize
    there = entry.file_size - member.tell()
    if there != wanted:
        raise DataError(
            f"{file}: {entry.filename} says it is {header.shape} {header.dtype}, {wanted} bytes, "
            f"but has {there}; make it again"
        )
    return header


def _features(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: str) -> NDArray[np.float32]:
    with archive.open(entry) as member:
        shape, is_fortran, dtype = _header(member, entry, file)
        if len(shape) != 2 or dtype.kind != "f":
            raise DataError(
                f"{file}: {entry.filename} must be (N, D) floating numbers, not {shape} {dtype}"
            )
        features = np.empty(shape, dtype=np.float32)
        rows = features.T if is_fortran else features
        width = rows.shape[1] * dtype.itemsize
        step = max(1, _BLOCK // max(1, width))
        for start in range(0, len(rows), step):
            block = rows[start : start + step]
            content = _exactly(member, len(block) * width)
            with np.errstate(over="ignore"):  # what is infinite as float32 is refused
                block[:] = np.frombuffer(content, dtype).reshape(block.shape)
    return features


def _labels(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, count: int, file: str) -> Values:
    with archive.open(entry) as member:
        shape, _, dtype = _header(member, entry, file)
        if shape != (count,):
            raise DataError(
                f"{file}: {entry.filename} must be ({count},), one for each feature, not {shape}"
            )
        values = np.frombuffer(_exactly(member, count * dtype.itemsize), dtype)
    if dtype.kind == "S":
        return [value.decode() for value in values.tolist()]
    if dtype.kind == "U":
        words: list[str] = values.tolist()
        return words
    return values.astype(dtype.newbyteorder("="))


def _card(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: str) -> str:
    with archive.open(entry) as member:
        shape, _, dtype = _header(member, entry, file)
        if shape != () or dtype.kind != "U" or entry.file_size > _LONGEST_CARD:
            raise DataError(
                f"{file}: {entry.filename} must be one text of under {_LONGEST_CARD} bytes, not "
                f"{shape} {dtype}"
            )
        return str(np.frombuffer(_exactly(member, dtype.itemsize), dtype)[0])


def _exactly(member: IO[bytes], count: int) -> bytes:
    content = member.read(count)
    if len(content) != count:
        raise EOFError("it ends too early")
    return content
