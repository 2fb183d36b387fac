"""From what a caller has at hand to PIL images: paths, images and arrays.

An array does not say whether its channels are red, green, blue or the other way round, and a model
that takes one for the other loses most of its accuracy without an error: so the order is said.
"""

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from crosscam.data.images import read_image, to_rgb
from crosscam.errors import InputError

ChannelOrder = Literal["rgb", "bgr"]
Picture = str | os.PathLike[str] | Image.Image | NDArray[np.uint8]


def is_picture(given: Any) -> bool:
    """Whether this is one picture: a path, a PIL image, or a uint8 array of three dimensions."""
    if isinstance(given, np.ndarray):
        return given.dtype == np.uint8 and given.ndim == 3
    return isinstance(given, str | os.PathLike | Image.Image)


def prepare_pictures(
    given: Iterable[Picture],
    prepare: Callable[[Image.Image], Tensor],
    *,
    order: ChannelOrder,
    threads: int,
) -> Iterator[Tensor]:
    """What `prepare` makes of the pictures, upright and RGB, in their order.

    Each is a path; a PIL image; or a (H, W, 3) uint8 array, whose channels are in `order`. They are
    taken as their tensors are asked for, and opened by so many threads, two a thread ahead. Raises
    `DataError` that names a broken file, and `InputError` for what is no picture, by its position.
    """
    refuse_unknown_order(order)
    if is_picture(given):
        raise InputError("give a list of pictures; for one, a list that holds it")

    def prepared(position: int, picture: Picture) -> Tensor:
        return prepare(_open(picture, position, order))

    if threads < 2:
        yield from itertools.starmap(prepared, enumerate(given))
        return
    ahead: deque[Future[Tensor]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for position, picture in enumerate(given):
            ahead.append(pool.submit(prepared, position, picture))
            if len(ahead) > 2 * threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def check_frame(frame: Any, *, order: ChannelOrder) -> None:
    """Raise `InputError` unless this is a (H, W, 3) uint8 array with a pixel, in a known order."""
    refuse_unknown_order(order)
    _rgb_pixels(frame, "the frame", order)


def refuse_unknown_order(order: str) -> None:
    """Raise `InputError` unless the order of channels is a known one."""
    if order not in get_args(ChannelOrder):
        raise InputError(f'order is "rgb" or "bgr", how the channels of arrays lie, not {order!r}')


def _open(picture: Any, position: int, order: ChannelOrder) -> Image.Image:
    name = f"picture {position}"
    if isinstance(picture, Image.Image):
        return _upright(picture, name)
    if isinstance(picture, str | os.PathLike):
        return read_image(Path(picture))
    return _upright(Image.fromarray(np.ascontiguousarray(_rgb_pixels(picture, name, order))), name)


def _upright(image: Image.Image, name: str) -> Image.Image:
    try:
        return to_rgb(image)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _rgb_pixels(array: Any, name: str, order: ChannelOrder) -> NDArray[np.uint8]:
    if not isinstance(array, np.ndarray):
        raise InputError(
            f"{name} is a {type(array).__name__}; give a path, a PIL image or a uint8 array "
            "(H, W, 3)"
        )
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise InputError(
            f"{name} must be a uint8 array (H, W, 3), not {array.shape} {array.dtype}; values from "
            "0 to 255, channels last"
        )
    if 0 in array.shape:
        raise InputError(f"{name} has no pixels: it is {array.shape}")
    return array if order == "rgb" else array[:, :, ::-1]
