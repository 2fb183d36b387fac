"""The `Network` of a model as ONNX, on ONNX Runtime or on OpenVINO."""

import itertools
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosscam.choices import Precision
from crosscam.embedding.runtimes.onnx_file import OnnxModel
from crosscam.embedding.runtimes.sessions import (
    Images,
    Session,
    open_onnx_runtime,
    open_openvino,
)
from crosscam.errors import DeviceError, InputError, WeightsError
from crosscam.weights.reading import one_line

OnnxRuntime = Literal["onnx", "openvino"]
_MOST_FEATURES = 1_000_000


class OnnxNetwork:
    """See `Network`. It can be called by several threads, and sent to other processes.

    A batch of any number is done in pieces where the model's own is fixed, the last one filled up.
    """

    device = torch.device("cpu")

    def __init__(
        self,
        model: OnnxModel,
        *,
        runtime: OnnxRuntime,
        size: tuple[int, int],
        precision: Precision = "float32",
        threads: int | None = None,
    ) -> None:
        """Open the model for images of `size`, and run it once.

        `precision` is "bf16", of OpenVINO alone, or "float32", which leaves it what the model's
        numbers are. `threads` are torch's if they are not given. Raises `WeightsError` for a model
        that does not give (N, D) features, `DeviceError` for a precision that is not to be had, and
        `ExtraError` where the runtime is not installed.
        """
        refuse_precision(model, runtime=runtime, precision=precision)
        for own, wanted in zip(model.size, size, strict=True):
            if own not in (None, wanted):
                raise InputError(
                    f"{model.source} takes images of {_shown(model.size)} pixels (height x width), "
                    f"not {_shown(size)}"
                )
        self.model = model
        self.runtime: OnnxRuntime = runtime
        self.precision: Precision = precision if precision == "bf16" else model.precision
        self.size = size
        self.threads = threads or torch.get_num_threads()
        self.known_cameras = model.cameras
        self.uses_cameras = model.cameras is not None
        self._no_camera = _other_than(model.cameras or ())
        self._session = self._open()
        self.feature_dim = self._try()

    def __reduce__(self) -> tuple[Any, ...]:
        """How it is sent to another process: what it is made of."""
        precision = "bf16" if self.precision == "bf16" else "float32"
        return _opened_again, (self.model, self.runtime, self.size, precision)

    def __call__(self, images: Tensor, camids: Tensor | None) -> Tensor:
        """See `Network`."""
        if images.shape[1:] != (3, *self.size):
            raise InputError(
                f"images must be (N, 3, {self.size[0]}, {self.size[1]}), not {tuple(images.shape)}"
            )
        whole, cameras = self._as_input(images), self._as_cameras(camids, len(images))
        step = self.model.batch or max(len(whole), 1)
        parts = [
            self._piece(whole[at : at + step], *(each[at : at + step] for each in cameras))
            for at in range(0, len(whole), step)
        ]
        if not parts:
            return torch.zeros(0, self.feature_dim)
        return torch.from_numpy(np.concatenate(parts).astype(np.float32, copy=False))

    def _open(self) -> Session:
        content, source, threads = self.model.content, self.model.source, self.threads
        if self.runtime == "onnx":
            return open_onnx_runtime(content, source=source, threads=threads)
        precision = self.precision
        return open_openvino(content, source=source, threads=threads, precision=precision)

    def _as_input(self, images: Tensor) -> Images:
        """Normalised images as the model takes them."""
        if self.model.kind == "float16":
            return images.half().numpy()
        if self.model.kind == "float32":
            return images.float().contiguous().numpy()
        assert self.model.card is not None
        return self.model.card.card.input.to_preprocess().pixels_of(images)

    def _as_cameras(self, camids: Tensor | None, count: int) -> tuple[NDArray[np.int64], ...]:
        """The numbers of cameras as the model takes them; nothing where it takes none.

        Those that it does not know are all one number, small enough for runtimes with less bits.
        """
        if self.model.cameras is None:
            return ()
        if camids is None:
            return (np.full(count, self._no_camera),)
        numbers = camids.numpy().astype(np.int64, copy=False)
        is_known = np.isin(numbers, self.model.cameras)
        return (np.where(is_known, numbers, self._no_camera),)

    def _piece(self, *given: Images | NDArray[np.int64]) -> NDArray[Any]:
        fixed, count = self.model.batch, len(given[0])
        if fixed is None or fixed == count:
            return self._session(*given)
        filled = [np.concatenate([one, one[-1:].repeat(fixed - count, axis=0)]) for one in given]
        return self._session(*filled)[:count]

    def _try(self) -> int:
        """The length of a feature, which is told by making some."""
        count = self.model.batch or 2
        channels = (*self.size, 3) if self.model.kind == "levels" else (3, *self.size)
        kind = {"float16": np.float16, "float32": np.float32, "levels": np.uint8}[self.model.kind]
        try:
            images = np.zeros((count, *channels), dtype=kind)
            found = self._session(images, *self._as_cameras(None, count))
        except Exception as error:  # noqa: BLE001 - each runtime has its own
            raise WeightsError(
                f"{self.model.source} cannot be run: {one_line(str(error))}"
            ) from None
        if found.ndim != 2 or len(found) != count or found.dtype.kind != "f":
            raise WeightsError(
                f"{self.model.source} gives {found.dtype} {found.shape} for {count} images; "
                f"features are floating numbers ({count}, D)"
            )
        if not 1 <= found.shape[1] <= _MOST_FEATURES:
            raise WeightsError(f"{self.model.source} gives features of {found.shape[1]} numbers")
        return int(found.shape[1])


def _other_than(cameras: tuple[int, ...]) -> int:
    """A number that none of the cameras has, near to zero."""
    return next(number for number in itertools.count(-1, -1) if number not in cameras)


def refuse_precision(model: OnnxModel, *, runtime: OnnxRuntime, precision: Precision) -> None:
    """Raise `DeviceError` for a precision that a runtime does not have for a model."""
    if precision not in ("float32", "bf16"):
        raise DeviceError(f'precision is "float32" or "bf16"; {precision} is for crosscam export')
    if precision == "bf16" and runtime == "onnx":
        raise DeviceError(
            "ONNX Runtime has no bf16 on a processor; use runtime openvino or torch for it"
        )
    if precision == "bf16" and model.precision not in ("float32", "bf16"):
        raise DeviceError(f"{model.source} is {model.precision}, and cannot be run as bf16")


def _opened_again(
    model: OnnxModel, runtime: OnnxRuntime, size: tuple[int, int], precision: Precision
) -> OnnxNetwork:
    return OnnxNetwork(model, runtime=runtime, size=size, precision=precision)


def _shown(size: tuple[int | None, int | None]) -> str:
    return " x ".join("any" if side is None else str(side) for side in size)
