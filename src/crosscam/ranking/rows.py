"""Features where they lie, in memory or on disk, taken as float32 a block at a time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosscam.arrays import FeaturesLike, is_floating, take_array
from crosscam.errors import InputError


@dataclass(frozen=True, eq=False)
class Rows:
    """(N, D) floating features that are never copied whole.

    `values` is a NumPy array, a memory-mapped one among them, or a torch tensor; `device` is where
    blocks of it are computed with.
    """

    values: NDArray[Any] | Tensor
    device: torch.device

    @classmethod
    def of(cls, values: FeaturesLike, name: str, device: torch.device | None = None) -> "Rows":
        """Take an array; `name` is what it is called in an error. No device means the array's own.

        Raises `InputError` if it is not (N, D) floating numbers, all of them there.
        """
        array = take_array(values, name)
        if array.ndim != 2 or not is_floating(array):
            raise InputError(
                f"{name} must be (N, D) floating numbers, not {tuple(array.shape)} {array.dtype}"
            )
        on_gpu = isinstance(array, Tensor) and array.device.type == "cuda"
        own = array.device if isinstance(array, Tensor) and on_gpu else torch.device("cpu")
        return cls(array, device or own)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def dim(self) -> int:
        """D, the length of a feature."""
        return int(self.values.shape[1])

    def block(self, start: int, stop: int) -> Tensor:
        """Rows `start` to `stop`, (n, D) float32 and contiguous, on the device; perhaps a view."""
        return self._float32(self.values[start:stop])

    def take(self, indices: NDArray[np.int64]) -> Tensor:
        """The rows at (n,) indices, (n, D) float32 and contiguous, on the device."""
        if isinstance(self.values, Tensor):
            return self._float32(self.values[torch.from_numpy(indices).to(self.values.device)])
        return self._float32(self.values[indices])

    def _float32(self, values: NDArray[Any] | Tensor) -> Tensor:
        if not isinstance(values, Tensor):
            with np.errstate(over="ignore"):  # a float64 may be infinite as float32, and is refused
                array = np.ascontiguousarray(values, dtype=np.float32)
            # torch warns of memory that cannot be written, such as that of a read-only map.
            values = torch.from_numpy(array if array.flags.writeable else array.copy())
        return values.to(device=self.device, dtype=torch.float32).contiguous()
