"""Rectangles of random place and shape, and what is put there: erasing, and pieces of others.

Random erasing: Zhong et al., AAAI 2020 (arXiv 1708.04896). Random patches: Zhou et al., ICCV 2019
(arXiv 1905.00953).
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from crosscam.data.transforms import Preprocess
from crosscam.settings.augmenting import Erasing

_ATTEMPTS = 100
_PATCH_AREA, _PATCH_ASPECT, _PATCH_DEGREES = (0.01, 0.5), 0.1, 10


class Rectangle(NamedTuple):
    """Of pixels: its first row and column, and how many it has of them."""

    top: int
    left: int
    rows: int
    columns: int


def draw_rectangle(
    height: int, width: int, shape: Erasing, rng: np.random.Generator
) -> Rectangle | None:
    """A rectangle inside (height, width) of the area and aspect that are asked for.

    None if none of 100 drawn ones was smaller than the picture in both directions.
    """
    most = 1 / shape.aspect
    for _ in range(_ATTEMPTS):
        area = rng.uniform(*shape.area) * height * width
        if shape.log_aspect:
            aspect = math.exp(rng.uniform(math.log(shape.aspect), math.log(most)))
        else:
            aspect = rng.uniform(shape.aspect, most)
        rows, columns = round((area * aspect) ** 0.5), round((area / aspect) ** 0.5)
        if 0 < rows < height and 0 < columns < width:
            top = int(rng.integers(0, height - rows + 1))
            left = int(rng.integers(0, width - columns + 1))
            return Rectangle(top, left, rows, columns)
    return None


def erase(
    tensor: Tensor, preprocess: Preprocess, erasing: Erasing, rng: np.random.Generator
) -> None:
    """Fill a random rectangle of a normalised (3, H, W) float32 tensor, in place."""
    place = draw_rectangle(tensor.shape[1], tensor.shape[2], erasing, rng)
    if place is None:
        return
    top, left, rows, columns = place
    inside = tensor[:, top : top + rows, left : left + columns]
    if erasing.fill == "noise":
        inside.copy_(torch.from_numpy(rng.standard_normal((3, rows, columns), dtype=np.float32)))
    elif erasing.colour is not None:
        colour, mean, std = map(torch.tensor, (erasing.colour, preprocess.mean, preprocess.std))
        inside.copy_(((colour - mean) / std).view(3, 1, 1))
    else:
        inside.zero_()


def put_patch(image: Image.Image, other: Image.Image, rng: np.random.Generator) -> Image.Image:
    """An RGB picture with a piece of another at a random place.

    The piece has 1 to 50 % of the area and an aspect of 0.1 to 10, half of the pieces are flipped
    and half turned by up to 10 degrees, as published. There pieces come from a pool of the last
    50,000, each of a picture that was augmented before; here from `other` as it is, so that nothing
    has to be kept.
    """
    shape = Erasing(area=_PATCH_AREA, aspect=_PATCH_ASPECT)
    place = draw_rectangle(image.height, image.width, shape, rng)
    if place is None:
        return image
    top, left, rows, columns = place
    from_top = rng.integers(0, image.height - rows + 1) / image.height * other.height
    from_left = rng.integers(0, image.width - columns + 1) / image.width * other.width
    box = (
        from_left,
        from_top,
        min(from_left + columns / image.width * other.width, other.width),
        min(from_top + rows / image.height * other.height, other.height),
    )
    piece = other.resize((columns, rows), Image.Resampling.BILINEAR, box)
    if rng.random() < 0.5:
        piece = piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if rng.random() < 0.5:
        piece = piece.rotate(int(rng.integers(-_PATCH_DEGREES, _PATCH_DEGREES + 1)))
    covered = image.copy()
    covered.paste(piece, (left, top))
    return covered
