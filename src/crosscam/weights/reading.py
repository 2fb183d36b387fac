"""Reading tensors from a file, without ever running what is in it.

PyTorch's own weights-only reader does the work: it builds tensors, numbers, strings and their
containers, and refuses whatever else a pickle names. Files of 2018 hold one thing more, a NumPy
number; harmless stand-ins of ours take its place, so that no function of NumPy is called either.
"""

import math
import os
import pickle
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from crosscam.errors import WeightsError

StateDict = Mapping[str, Tensor]
_UNREADABLE = (
    *(pickle.UnpicklingError, zipfile.BadZipFile, SafetensorError, struct.error, zlib.error),
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
    *(NotImplementedError, OSError, RecursionError, RuntimeError, TypeError, ValueError),
)
_LONGEST_NAME = 256
_NUMBERS = {"f2": "e", "f4": "f", "f8": "d", "i1": "b", "i2": "h", "i4": "i", "i8": "q"}


@dataclass(frozen=True)
class Checkpoint:
    """What a file of weights holds: dense tensors by name, and the numbers noted beside them."""

    weights: StateDict
    notes: Mapping[str, float]


def read_weights(path: str | os.PathLike[str]) -> StateDict:
    """The tensors of a file by name; see `read_checkpoint`."""
    return read_checkpoint(path).weights


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """The content of a file of weights, on the CPU; `WeightsError` if it holds anything else.

    It is a `state_dict`, or a dictionary that holds one under that name with notes beside; a prefix
    `module.`, as training on several GPUs leaves it, is taken off.
    """
    file = Path(path)
    if not file.is_file():
        raise WeightsError(f"no such weight file: {file}")
    content = _read_safetensors(file) if file.suffix == ".safetensors" else load_tensors(file)
    try:
        return _checked(content, file)
    except _UNREADABLE as error:
        raise _broken(file, error) from None


def _checked(content: Any, file: Path) -> Checkpoint:
    entries, notes = _entries(content), {}
    if isinstance(entries.get("state_dict"), dict):
        notes = {
            name: value
            for name, value in entries.items()
            if isinstance(name, str) and isinstance(value, (int, float)) and math.isfinite(value)
        }
        entries = _entries(entries["state_dict"])
    if not entries:
        raise WeightsError(f"{file} holds no state_dict: {type(content).__name__} at its top")
    weights: dict[str, Tensor] = {}
    for former, value in entries.items():
        name = _usable(former, file).removeprefix("module.")
        if not isinstance(value, Tensor):
            raise WeightsError(f"{file} is no state_dict: {former!r} is a {type(value).__name__}")
        if name in weights:
            raise WeightsError(f"{file} has {name} twice, with module. in front and without")
        weights[name] = _plain(value, name, file)
    return Checkpoint(weights, notes)


def _entries(content: Any) -> dict[Any, Any]:
    """What a dictionary holds; a file may have hidden the methods of an `OrderedDict`."""
    return dict(dict.items(content)) if isinstance(content, dict) else {}


def _usable(name: Any, file: Path) -> str:
    """A name that can be shown in one line."""
    if not isinstance(name, str):
        raise WeightsError(
            f"{file} is no state_dict: one of its names is no text but {type(name).__name__}"
        )
    if not name.isprintable() or len(name) > _LONGEST_NAME:
        raise WeightsError(f"{file} is no state_dict: {name[:40]!a} is no name of a tensor")
    return name


def _plain(value: Tensor, name: str, file: Path) -> Tensor:
    """The tensor without what a file may have attached; it is dense, and the file has all of it."""
    value = Tensor.detach(value)
    if value.is_nested or value.layout != torch.strided or value.is_quantized or not value.is_cpu:
        raise WeightsError(f"{file} is no file of weights: {name} is not a dense tensor of numbers")
    held = min(value.untyped_storage().nbytes(), file.stat().st_size)
    if value.numel() * value.itemsize > held:
        raise WeightsError(
            f"{file} is broken: {name} of shape {tuple(value.shape)} is more than the file holds"
        )
    return value


def load_tensors(file: Path) -> Any:
    """What `torch.save` wrote, on the CPU, if it is tensors, numbers, strings and containers alone.

    Reads the format before zip too, and what Python 2 wrote. Nothing in the file is executed, and
    the checksums of a zipped one are checked. Raises `WeightsError` if it is broken or holds
    anything else.
    """
    try:
        _check_archive(file)
        with warnings.catch_warnings(), torch.serialization.safe_globals(_STAND_INS):
            warnings.simplefilter("ignore")  # of old protocols; what matters here is refused
            # Python 2 wrote names as bytes; latin1 reads them, and every byte of a number, too.
            return torch.load(file, map_location="cpu", weights_only=True, encoding="latin1")
    except _UNREADABLE as error:
        raise _broken(file, error) from None


def _check_archive(file: Path) -> None:
    """Raise `ValueError` if a zipped file is damaged, or larger inside than out."""
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("it is compressed, which no checkpoint is")
        if (broken := archive.testzip()) is not None:
            raise ValueError(f"the checksum of {broken} is wrong")


def _read_safetensors(file: Path) -> Any:
    try:
        return load_file(file)
    except _UNREADABLE as error:
        raise _broken(file, error) from None


def _broken(file: Path, error: Exception) -> WeightsError:
    text = str(error).strip()
    if foreign := re.search(r"GLOBAL (\S+)", text):
        return WeightsError(
            f"{file} holds more than tensors: it asks for {_line(foreign[1])}; nothing of it was "
            "run, and nothing of it is used: get the file from its authors"
        )
    reason = text.rsplit("WeightsUnpickler error:", 1)[-1]
    return WeightsError(
        f"{file} is not a file of weights, or is broken or cut short, or holds more than "
        f"tensors: {_line(reason) or type(error).__name__}"
    )


def _line(text: str) -> str:
    """The first line of a message in which a file may have had its say, fit to be shown."""
    first = text.strip().partition("\n")[0]
    return "".join(sign if sign.isprintable() else "?" for sign in first)[:200]


class _NumberType:
    """Stands for `numpy.dtype` in a pickle: keeps the name and the byte order of a type."""

    def __init__(self, name: str, *_: object) -> None:
        self.name = name
        self.order = "<"

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = ">" if state[1] == ">" else "<"


def _number(kind: _NumberType, content: str | bytes) -> float:
    """Stands for NumPy's maker of numbers in a pickle: gives a plain Python one."""
    raw = content.encode("latin1") if isinstance(content, str) else content
    number: float = struct.unpack(kind.order + _NUMBERS[kind.name], raw)[0]
    return number


_STAND_INS: list[Any] = [
    (_NumberType, "numpy.dtype"),
    (_number, "numpy.core.multiarray.scalar"),
    (_number, "numpy._core.multiarray.scalar"),
]
