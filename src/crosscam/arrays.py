"""Taking arrays from outside: NumPy's, torch's, or sequences of numbers; all else is refused.

What hides values (masked arrays), leaves them out (sparse ones) or has none (torch's meta device)
would be read as something else than it is, so it is refused and not converted.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosscam.errors import InputError

FeaturesLike = NDArray[np.floating[Any]] | Tensor | Sequence[Sequence[float]]
LabelsLike = NDArray[np.integer[Any]] | Tensor | Sequence[int]
DistancesLike = NDArray[np.number[Any]] | Tensor | Sequence[float] | Sequence[Sequence[float]]

_LARGEST = np.iinfo(np.int64).max


def take_array(values: object, name: str) -> NDArray[Any] | Tensor:
    """A dense array of real numbers as it lies, or a sequence as a NumPy array; never a copy.

    Tensors are cut off from their gradients, and stay on their device. `name` is what the values
    are called in an error. Raises `InputError` for masked, sparse and meta arrays, and for what is
    no array of real numbers.
    """
    if isinstance(values, Tensor):
        return _taken_tensor(values, name)
    if _is_masked(values):
        raise InputError(
            f"{name} is a masked array, whose masked values would count like others: take them "
            "out, or fill them in with .filled()"
        )
    if hasattr(values, "toarray"):
        raise InputError(
            f"{name} is a sparse array; give a dense one, which .toarray() makes of it"
        )
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise InputError(f"{name} is no array of numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} is no array of numbers: it holds {array.dtype}")
    return array


def take_integers(values: object, count: int | None, name: str) -> NDArray[np.int64]:
    """(count,) integers of any width as int64 on the CPU, none of them changed; None is any count.

    Raises `InputError` for another shape or type, and for a number beyond int64.
    """
    taken = take_array(values, name)
    array = taken.cpu().numpy() if isinstance(taken, Tensor) else taken
    if array.ndim != 1 or (count is not None and len(array) != count):
        wanted = "(N,)" if count is None else f"({count},)"
        raise InputError(f"{name} must be {wanted}, one for each feature, not {array.shape}")
    if len(array) and array.dtype.kind not in "iu":
        raise InputError(f"{name} must be integers, not {array.dtype}")
    if array.dtype.kind == "u" and len(array) and int(array.max()) > _LARGEST:
        raise InputError(
            f"{name} hold {int(array.max())}, and ids go up to {_LARGEST} (int64): number them anew"
        )
    return array.astype(np.int64, copy=False)


def is_floating(array: NDArray[Any] | Tensor) -> bool:
    """Whether it holds floating numbers."""
    return array.is_floating_point() if isinstance(array, Tensor) else array.dtype.kind == "f"


def _taken_tensor(values: Tensor, name: str) -> Tensor:
    if values.layout is not torch.strided:
        raise InputError(
            f"{name} is a sparse tensor; give a dense one, which .to_dense() makes of it"
        )
    if values.device.type == "meta":
        raise InputError(f"{name} is a tensor on the device meta, which holds no values")
    if values.is_quantized or values.is_complex():
        raise InputError(f"{name} is no array of real numbers: it holds {values.dtype}")
    return values.detach()


def _is_masked(values: object) -> bool:
    if isinstance(values, np.ma.MaskedArray):
        return True
    return isinstance(values, list | tuple) and any(
        isinstance(row, np.ma.MaskedArray) for row in values
    )
