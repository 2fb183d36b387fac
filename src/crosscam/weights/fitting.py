"""Putting weights into a model: checked whole, then copied."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
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
    were left as they are: skipped entries, and step counters that old files do not have. `prefix`
    stood before every name in the file and was taken off, such as "module.", "" for none.
    `remarks` is what else the user should know, a sentence each.
    """

    loaded: tuple[str, ...]
    skipped: tuple[str, ...]
    missing: tuple[str, ...]
    prefix: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know of it, a sentence each."""
        taken_off = f"the prefix {self.prefix!r} of all names was taken off"
        return (*((taken_off,) if self.prefix else ()), *self.remarks)


def load_weights(model: ReIDModel, path: str | os.PathLike[str]) -> LoadedWeights:
    """Put the weights of a `.safetensors` file, or of a PyTorch checkpoint, into `model`.

    A checkpoint is a `state_dict`, or a dictionary that holds one; a prefix that all names share,
    such as `module.`, is taken off, and the names of the published files of 2018 are understood. It
    is read as plain tensors, and nothing in it is executed. A classifier for another number of
    classes is skipped. Raises `WeightsError`, and leaves the model as it was, if the file cannot be
    read, lacks a tensor, has one too many, of another shape or type, or not finite.
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


def own_names(
    weights: StateDict, model: ReIDModel, *, source: str = "the file"
) -> tuple[StateDict, str]:
    """Weights under the names of `model`, and the prefix of all names that was taken off for it.

    The shortest is taken off that leaves names of the model, as they are or as they once were.
    Raises `WeightsError` as `present_names`.
    """
    own = model.state_dict().keys()
    for prefix in _shared_prefixes(weights):
        cut = {name.removeprefix(prefix): value for name, value in weights.items()}
        renamed = present_names(cut, model.former_names, source=source)
        if not own.isdisjoint(renamed):
            return renamed, prefix
    return present_names(weights, model.former_names, source=source), ""


def _shared_prefixes(names: Iterable[str]) -> Iterator[str]:
    """What all names begin with, up to a dot: nothing, then one word more each time."""
    split = [name.split(".") for name in names]
    words = [set(level) for level in zip(*(parts[:-1] for parts in split), strict=False)]
    prefix = ""
    yield prefix
    for level in words:
        if len(level) > 1:
            return
        prefix += f"{level.pop()}."
        yield prefix


def fit_weights(
    model: ReIDModel, weights: StateDict, *, source: str, new: tuple[str, ...] = ()
) -> LoadedWeights:
    """Check that `weights` are those of `model` and copy them in; see `load_weights`.

    Names that begin with one of `new` may be missing too.
    """
    fitting, loaded = _match(model, weights, source=source, new=new)
    own = model.state_dict()
    infinite = [
        name
        for name, value in fitting.items()
        if not bool(torch.isfinite(value.to(own[name].dtype)).all())
    ]
    _refuse(source, "has values that are not finite", infinite, "they cannot be used")
    model.load_state_dict(dict(fitting), strict=False)
    return loaded


def refuse_unfit(model: ReIDModel, weights: StateDict, *, source: str) -> LoadedWeights:
    """What `fit_weights` would do, by names, shapes and types; `model` may be on `meta`.

    Raises `WeightsError` as that does, but for values.
    """
    return _match(model, weights, source=source)[1]


def _match(
    model: ReIDModel, weights: StateDict, *, source: str, new: tuple[str, ...] = ()
) -> tuple[StateDict, LoadedWeights]:
    """The weights to copy, by the model's names, and what becomes of all; see `fit_weights`."""
    own = model.state_dict()
    weights, prefix = own_names(weights, model, source=source)
    weights = {key: value for key, value in weights.items() if not _is_constant(key, value, model)}
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
    loaded = tuple(name for name in own if name in fitting)
    return fitting, LoadedWeights(loaded, skipped, missing, prefix)


def _is_constant(name: str, value: Tensor, model: ReIDModel) -> bool:
    """Whether an entry of a file is what `model.constants` says, and so is nothing to be copied."""
    if name not in model.constants or not value.is_floating_point():
        return False
    expected = torch.tensor(model.constants[name], dtype=value.dtype)
    fits = expected.ndim == 0 or value.numel() == len(expected)
    return fits and torch.allclose(value.flatten(), expected)


def _is_of_a_kind(value: Tensor, own: Tensor) -> bool:
    """Whether a tensor is floating if `own` is, else of integers; half floats count."""
    return value.dtype in (_FLOATS if own.is_floating_point() else _INTEGERS)


def _refuse(
    source: str, fault: str, names: list[str], why: str = "it was made for another model"
) -> None:
    if names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise WeightsError(f"{source} {fault}: {', '.join(names[:3])}{more}; {why}")
