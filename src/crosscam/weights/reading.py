"""Reading tensors from a file, without ever running what is in it."""

import math
import os
import struct
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from crosscam.errors import WeightsError
from crosscam.files import open_plain
from crosscam.screen import printable
from crosscam.weights.pickled import ForeignError
from crosscam.weights.torch_file import read_torch_file

StateDict = Mapping[str, Tensor]
_UNREADABLE = (
    *(zipfile.BadZipFile, SafetensorError, struct.error),
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
    *(NotImplementedError, OSError, RecursionError, RuntimeError, TypeError, ValueError),
)
_LONGEST_NAME = 256
_LONGEST_HEADER = 1 << 22  # bytes, of a safetensors file
_DEEPEST = 3
_PREFERRED = ("state_dict", "model", "teacher")  # where a file holds several sets of weights


@dataclass(frozen=True)
class Checkpoint:
    """What a file of weights holds: dense tensors by name, and the numbers noted beside them.

    `under` is the path of names, with dots, under which the tensors were; "" at the top.
    """

    weights: StateDict
    notes: Mapping[str, float]
    under: str = ""


def read_weights(path: str | os.PathLike[str]) -> StateDict:
    """The tensors of a file by name; see `read_checkpoint`."""
    return read_checkpoint(path).weights


def read_checkpoint(path: str | os.PathLike[str]) -> Checkpoint:
    """The content of a file of weights, on the CPU; `WeightsError` if it holds anything else.

    It is a `state_dict`, or a dictionary that holds one, under whatever name, with notes beside it.
    Where it holds several, the one named `state_dict` is taken, else the one named `model`, else
    the `teacher` of self-supervised training.
    """
    file = Path(path)
    if file.suffix == ".safetensors":
        return Checkpoint(_usable(_read_safetensors(file), file), {})
    content = load_tensors(file)
    under, entries = _choose(dict(_state_dicts(content)), content, file)
    weights = _usable(entries, file)
    return Checkpoint(weights, _notes(content) if under else {}, under)


def load_tensors(file: Path) -> Any:
    """What `torch.save` wrote, on the CPU, if it is tensors, numbers, strings and containers alone.

    Reads the format before zip too, and what Python 2 wrote. Nothing in the file is executed, what
    is built from it is bounded, and the checksums of a zipped one are checked. Raises
    `WeightsError` if there is no such file, if it is broken or holds anything else.
    """
    _refuse_missing(file)
    try:
        with open_plain(file) as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of strange names, which are refused
            return read_torch_file(stream)
    except ForeignError as foreign:
        raise WeightsError(
            f"{file} holds more than tensors: it asks for {one_line(foreign.name)}; nothing of it "
            "was run, and nothing of it is used: save the state_dict alone, or get the file from "
            "its authors"
        ) from None
    except _UNREADABLE as error:
        raise _broken(file, error) from None


def _refuse_missing(file: Path) -> None:
    if not file.exists() or file.is_dir():
        raise WeightsError(f"no such weight file: {file}")


def _state_dicts(content: Any, under: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The dictionaries of tensors in a file, by where they are.

    One that holds dictionaries of tensors is none itself, whatever tensors are beside them.
    """
    if not isinstance(content, dict) or depth > _DEEPEST:
        return
    found = False
    for name, value in content.items():
        if isinstance(name, str):
            for inner in _state_dicts(value, f"{under}.{name}" if under else name, depth + 1):
                found = True
                yield inner
    if not found and any(isinstance(value, Tensor) for value in content.values()):
        yield under, content


def _choose(found: dict[str, Any], content: Any, file: Path) -> tuple[str, dict[Any, Any]]:
    for name in (*_PREFERRED, *(found if len(found) == 1 else ())):
        if name in found:
            return name, found[name]
    if found:
        names = ", ".join(one_line(name)[:40] for name in sorted(found)[:5])
        raise WeightsError(
            f"{file} holds {len(found)} sets of weights ({names}); save the one that you want alone"
        )
    raise WeightsError(f"{file} holds no state_dict: {type(content).__name__} at its top")


def _notes(content: Mapping[Any, Any]) -> dict[str, float]:
    return {
        name: value
        for name, value in content.items()
        if isinstance(name, str) and isinstance(value, (int, float)) and math.isfinite(value)
    }


def _usable(entries: Mapping[Any, Any], file: Path) -> dict[str, Tensor]:
    """The entries, if they are tensors under names that can be shown in one line."""
    for name, value in entries.items():
        if not isinstance(name, str):
            raise WeightsError(
                f"{file} is no state_dict: one of its names is no text but {type(name).__name__}"
            )
        if not name.isprintable() or len(name) > _LONGEST_NAME:
            raise WeightsError(f"{file} is no state_dict: {name[:40]!a} is no name of a tensor")
        if not isinstance(value, Tensor):
            raise WeightsError(f"{file} is no state_dict: {name!r} is a {type(value).__name__}")
    return dict(entries)


def _read_safetensors(file: Path) -> dict[str, Tensor]:
    _refuse_missing(file)
    try:
        with open_plain(file) as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > _LONGEST_HEADER:
                raise ValueError(f"its header has {length} bytes, as no file of weights")
        return load_file(file)
    except _UNREADABLE as error:
        raise _broken(file, error) from None


def _broken(file: Path, error: Exception) -> WeightsError:
    return WeightsError(
        f"{file} is not a file of weights, or is broken or cut short, or holds more than "
        f"tensors: {one_line(str(error)) or type(error).__name__}"
    )


def one_line(text: str) -> str:
    """The first line of a message in which a file may have had its say, fit to be shown."""
    return printable(text.strip().partition("\n")[0])[:200]
