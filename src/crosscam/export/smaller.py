"""Smaller arithmetic for a model in ONNX, by ONNX Runtime's own tools: float16, and int8."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosscam.data.images import read_image
from crosscam.data.transforms import Preprocess
from crosscam.data.tree import list_images
from crosscam.embedding.conversion import CAMERAS_NAME, INPUT_NAME
from crosscam.errors import DataError
from crosscam.extras import import_extra
from crosscam.files import quoted
from crosscam.models.camera_embedding import NO_CAMERA

MOST_PICTURES = 128
_BATCH = 8


def halved(model: Any) -> Any:
    """An `onnx.ModelProto` with weights and arithmetic of float16; input and output stay."""
    float16 = _tool("onnxruntime.transformers.float16")
    with _quietly():
        return float16.convert_float_to_float16(model, keep_io_types=True)


def quantised(model: Any, batches: Sequence[NDArray[Any]], beside: Path) -> Any:
    """An `onnx.ModelProto` with weights and activations of int8, their ranges from batches.

    Weights have a scale a channel and seven bits, since processors without VNNI saturate at eight.
    `beside` is a file that can be written on the way.
    """
    tools = _tool("onnxruntime.quantization")
    onnx = _tool("onnx")
    with _quietly():
        tools.quantize_static(
            model,
            beside,
            _Batches(batches, with_cameras=any(g.name == CAMERAS_NAME for g in model.graph.input)),
            quant_format=tools.QuantFormat.QDQ,
            activation_type=tools.QuantType.QUInt8,
            weight_type=tools.QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
        )
    return onnx.load(beside)


class _Batches:
    """What ONNX Runtime reads pictures from, of cameras that are not known."""

    def __init__(self, batches: Sequence[NDArray[Any]], *, with_cameras: bool) -> None:
        self._left = iter(batches)
        self._with_cameras = with_cameras

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        """The next batch by the input's name, None at the end."""
        batch = next(self._left, None)
        if batch is None:
            return None
        cameras = {CAMERAS_NAME: np.full(len(batch), NO_CAMERA)} if self._with_cameras else {}
        return {INPUT_NAME: batch, **cameras}


def choose_pictures(folder: Path) -> list[Path]:
    """At most 128 pictures of a folder and those below it, evenly spread over their sorted names.

    Raises `DataError` where there are none.
    """
    found = list_images(folder).images
    if not found:
        raise DataError(f"there are no pictures in {quoted(folder)} to calibrate int8 with")
    step = max(1, len(found) / MOST_PICTURES)
    return [folder / found[int(place * step)] for place in range(min(len(found), MOST_PICTURES))]


def picture_batches(
    pictures: Sequence[Path], preprocess: Preprocess, *, as_pixels: bool
) -> list[NDArray[Any]]:
    """Pictures as an exported model takes them: `Preprocess`ed, or at its size, (N, H, W, 3) uint8.

    Raises `DataError` that names a broken picture.
    """
    taken: list[NDArray[Any]] = []
    for path in pictures:
        image = preprocess.resize(read_image(path))
        taken.append(np.asarray(image) if as_pixels else preprocess.normalise(image).numpy())
    starts = range(0, len(taken), _BATCH)
    return [np.stack(taken[start : start + _BATCH]) for start in starts]


def refuse_missing_tools() -> None:
    """Raise `ExtraError` where what makes models smaller is not installed."""
    _tool("onnxruntime.quantization")


def _tool(module: str) -> Any:
    return import_extra(module, extra="onnx", purpose="another precision")


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the advice that the tools log and warn."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        root.setLevel(level)
