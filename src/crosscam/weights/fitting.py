"""Putting weights into a model: checked whole, then copied."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from crosscam.errors import WeightsError
from crosscam.models.base import ReIDModel
from crosscam.weights.reading import StateDict, read_weights

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


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
    `module.` is taken off, and the names of the published files of 2018 are understood. It is read
    as plain tensors, and nothing in it is executed. A classifier for another number of classes is
    skipped. Raises `WeightsError`, and leaves the model as it was, if the file cannot be read,
    lacks a tensor, has one too many, of another shape or type, or not finite.
    """
    return fit_weights(model, read_weights(path), source=str(path))


def present_names(
    weights: StateDict, former_names: Sequence[tuple[str, str]], *, source: str = "the file"
) -> StateDict:
    """Weights under today's names; `former_names` are (pattern, replacement), applied in turn.

    Raises `WeightsError`, which names the `source`, if two entries get the same name.
    """
    renamed: dict[str, Tensor] = {}
    for former, value in weights.items():
        name = former
        for pattern, replacement in former_names:
            name = re.sub(pattern, replacement, name)
        if name in renamed:
            raise WeightsError(f"{source} has {name} twice, once as {former}; get it again")
        renamed[name] = value
    return renamed


def fit_weights(
    model: ReIDModel, weights: StateDict, *, source: str, new: tuple[str, ...] = ()
) -> LoadedWeights:
    """Check that `weights` are those of `model` and copy them in; see `load_weights`.

    Names that begin with one of `new` may be missing too.
    """
    own = model.state_dict()
    weights = present_names(weights, model.former_names, source=source)
    skipped = tuple(
        name
        for name, value in weights.items()
        if name in own and name.startswith(model.training_only) and value.shape != own[name].shape
    )
    missing = tuple(name for name in own if name not in weights or name in skipped)
    absent = [
        name
        for name in missing
        if not name.startswith((*model.training_only, *new))
        and not name.endswith("num_batches_tracked")
    ]
    _refuse(source, "lacks", absent)
    _refuse(source, "has what this model does not", [name for name in weights if name not in own])
    fitting = {name: value for name, value in weights.items() if name not in skipped}
    shapes = [
        f"{name} {tuple(value.shape)} instead of {tuple(own[name].shape)}"
        for name, value in fitting.items()
        if value.shape != own[name].shape
    ]
    _refuse(source, "has other shapes", shapes)
    types = [
        f"{name} {value.dtype} instead of {own[name].dtype}"
        for name, value in fitting.items()
        if not _is_of_a_kind(value, own[name])
    ]
    _refuse(source, "has other types", types)
    infinite = [
        name
        for name, value in fitting.items()
        if not bool(torch.isfinite(value.to(own[name].dtype)).all())
    ]
    _refuse(source, "has values that are not finite", infinite)
    model.load_state_dict(dict(fitting), strict=False)
    return LoadedWeights(tuple(name for name in own if name in fitting), skipped, missing)


def _is_of_a_kind(value: Tensor, own: Tensor) -> bool:
    """Whether a tensor is floating if `own` is, else of integers; half floats count."""
    return value.dtype in (_FLOATS if own.is_floating_point() else _INTEGERS)


def _refuse(source: str, fault: str, names: list[str]) -> None:
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise WeightsError(
            f"{source} {fault}: {', '.join(names[:3])}{more}; it was made for another model"
        )
