"""Reading a model's weights from a file, without ever running what is in it."""

import os
import pickle
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
from crosscam.models.base import ReIDModel

StateDict = Mapping[str, Tensor]
_UNREADABLE = (
    *(pickle.UnpicklingError, zipfile.BadZipFile, SafetensorError, struct.error, zlib.error),
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
    *(NotImplementedError, OSError, RuntimeError, TypeError, ValueError),
)


@dataclass(frozen=True)
class LoadedWeights:
    """What became of the entries of a file: their names, in the model's order.

    `skipped` were in the file and are for another number of classes; `missing` are in the model and
    were left as they are: skipped entries, and step counters that old files do not have.
    """

    loaded: tuple[str, ...]
    skipped: tuple[str, ...]
    missing: tuple[str, ...]


def load_weights(model: ReIDModel, path: str | os.PathLike[str]) -> LoadedWeights:
    """Put the weights of a `.safetensors` file, or of a PyTorch checkpoint, into `model`.

    A checkpoint is a `state_dict`, or a dictionary that holds one under that name; a prefix
    `module.` is taken off. It is read as plain tensors, and nothing in it is executed. A classifier
    for another number of classes is skipped. Raises `WeightsError`, and leaves the model as it was,
    if the file cannot be read, lacks a tensor, has one too many, of another shape, or not finite.
    """
    return fit_weights(model, read_weights(path), source=str(path))


def read_weights(path: str | os.PathLike[str]) -> StateDict:
    """The tensors of a file by name, on the CPU; `WeightsError` if it holds anything else."""
    file = Path(path)
    if not file.is_file():
        raise WeightsError(f"no such weight file: {file}")
    content = _read_safetensors(file) if file.suffix == ".safetensors" else load_tensors(file)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{file} holds no state_dict: {type(content).__name__} at its top")
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise WeightsError(f"{file} is no state_dict: {name!r} is a {type(value).__name__}")
    return {name.removeprefix("module."): value for name, value in content.items()}


def load_tensors(file: Path) -> Any:
    """What `torch.save` wrote, on the CPU, if it is tensors, numbers, strings and containers alone.

    Nothing in the file is executed, and the checksums of a zipped one are checked. Raises
    `WeightsError` if it is broken or holds anything else.
    """
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as archive:
                if (broken := archive.testzip()) is not None:
                    raise ValueError(f"the checksum of {broken} is wrong")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old protocols; what matters here is refused
            return torch.load(file, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise _broken(file, error) from None


def _read_safetensors(file: Path) -> Any:
    try:
        return load_file(file)
    except _UNREADABLE as error:
        raise _broken(file, error) from None


def _broken(file: Path, error: Exception) -> WeightsError:
    reason = str(error).strip().splitlines()
    return WeightsError(
        f"{file} is not a file of weights, or is broken or cut short, or holds more than "
        f"tensors: {reason[0] if reason else type(error).__name__}"
    )


def fit_weights(model: ReIDModel, weights: StateDict, *, source: str) -> LoadedWeights:
    """Check that `weights` are those of `model` and copy them in; see `load_weights`."""
    own = model.state_dict()
    skipped = tuple(
        name
        for name, value in weights.items()
        if name in own and name.startswith(model.training_only) and value.shape != own[name].shape
    )
    missing = tuple(name for name in own if name not in weights or name in skipped)
    optional = (*model.training_only, "num_batches_tracked")
    absent = [name for name in missing if not _is_optional(name, optional)]
    _refuse(source, "lacks", absent)
    _refuse(source, "has what this model does not", [name for name in weights if name not in own])
    fitting = {name: value for name, value in weights.items() if name not in skipped}
    _refuse(
        source,
        "has other shapes",
        [
            f"{name} {tuple(value.shape)} instead of {tuple(own[name].shape)}"
            for name, value in fitting.items()
            if value.shape != own[name].shape
        ],
    )
    _refuse(
        source,
        "has values that are not finite",
        [name for name, value in fitting.items() if not bool(torch.isfinite(value).all())],
    )
    model.load_state_dict(dict(fitting), strict=False)
    return LoadedWeights(tuple(name for name in own if name in fitting), skipped, missing)


def _is_optional(name: str, optional: tuple[str, ...]) -> bool:
    return name.startswith(optional[:-1]) or name.endswith(optional[-1])


def _refuse(source: str, fault: str, names: list[str]) -> None:
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise WeightsError(
            f"{source} {fault}: {', '.join(names[:3])}{more}; it was made for another model"
        )
