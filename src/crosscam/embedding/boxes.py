"""From a frame and the boxes in it to a batch for a network: cut, resized and normalised in one go.

The crops keep the order of the frame's channels until their pixels, few by then, are written into
the batch: the filter that resizes looks at each channel by itself, so the bits are the same.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from crosscam.data.images import shape_fault
from crosscam.data.transforms import Preprocess
from crosscam.embedding.pictures import ChannelOrder
from crosscam.errors import InputError
from crosscam.types import Batch

_CROPS_A_THREAD = 4  # to start one for fewer takes longer than it gains


def whole_boxes(boxes_xyxy: Any, height: int, width: int) -> NDArray[np.int64]:
    """Boxes rounded to whole pixels and cut to a frame of that size: (N, 4) int64.

    `boxes_xyxy` are (N, 4) numbers, NumPy, torch or a list: left, top, right, bottom in pixels,
    right and bottom not included. Raises `InputError` for other shapes, and for boxes that are not
    finite or whose sides are the wrong way round.
    """
    corners = np.asarray(boxes_xyxy, dtype=np.float64)
    if corners.size == 0:
        return np.zeros((0, 4), dtype=np.int64)
    if corners.ndim != 2 or corners.shape[1] != 4:
        raise InputError(f"boxes must be (N, 4): left, top, right, bottom; not {corners.shape}")
    if not np.isfinite(corners).all():
        raise InputError("boxes must be finite numbers; leave out those that are not")
    turned = np.flatnonzero((corners[:, 2:] < corners[:, :2]).any(axis=1))
    if len(turned):
        raise InputError(
            f"box {turned[0]} ends before it begins: {corners[turned[0]].tolist()}; boxes are "
            "left, top, right, bottom, not left, top, width, height"
        )
    return np.rint(corners).clip(0, (width, height, width, height)).astype(np.int64)


def box_fault(box: NDArray[np.int64]) -> str | None:
    """Why nobody can be seen in a box of `whole_boxes`, (4,); None if somebody may be."""
    width, height = int(box[2] - box[0]), int(box[3] - box[1])
    if min(width, height) < 1:
        return "it has no pixel inside the frame"
    return shape_fault(width, height)


def crop_batches(
    frame: NDArray[np.uint8],
    boxes: NDArray[np.int64],
    places: NDArray[np.int64],
    preprocess: Preprocess,
    *,
    order: ChannelOrder,
    size: int,
    camid: int | None = None,
) -> Iterator[Batch]:
    """The crops at some of the boxes, `size` at a time; the indices of a batch are its places.

    `frame` is (H, W, 3) uint8 with its channels in `order`, of the camera `camid`, `boxes` are
    those of `whole_boxes`, and `places` are (n,) int64: which of them. Crops are prepared by as
    many threads as torch has, where there are enough of them.
    """
    for start in range(0, len(places), size):
        chosen = places[start : start + size]
        images = _prepare(frame, boxes[chosen].tolist(), preprocess, order)
        camids = None if camid is None else torch.full((len(chosen),), camid)
        yield Batch(images, torch.from_numpy(chosen), camids)


def _prepare(
    frame: NDArray[np.uint8], boxes: list[list[int]], preprocess: Preprocess, order: ChannelOrder
) -> Tensor:
    """(n, 3, height, width) float32: the crops at the boxes, ready for a network."""
    images = torch.empty(len(boxes), 3, preprocess.height, preprocess.width)
    step = 1 if order == "rgb" else -1

    def write(position: int) -> None:
        left, top, right, bottom = boxes[position]
        crop = Image.fromarray(np.ascontiguousarray(frame[top:bottom, left:right]))
        pixels = np.asarray(preprocess.resize(crop))
        preprocess.normalise_into(pixels[:, :, ::step], images[position])

    workers = min(torch.get_num_threads(), len(boxes) // _CROPS_A_THREAD)
    if workers < 2:
        for position in range(len(boxes)):
            write(position)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(write, range(len(boxes))))
    return images
