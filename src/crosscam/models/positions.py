"""The embedding of where on the image a token lies, for grids of any size."""

import math

import torch
from torch import Tensor
from torch.nn import functional

Grid = tuple[int, int]  # how many patches an image is high and wide


def grid_of(size: tuple[int, int], *, patch: int, stride: int) -> Grid:
    """How many patches fit on an image of `size` (height, width) pixels, one every `stride`."""
    height, width = size
    return (height - patch) // stride + 1, (width - patch) // stride + 1


def guess_grid(count: int, known: tuple[Grid, ...]) -> Grid | None:
    """The grid of `count` patches in a file that says no more; None where it cannot be told.

    It is one of `known`, else a square, else twice or three times as high as wide: the sizes that
    people are pre-trained at.
    """
    for grid in known:
        if grid[0] * grid[1] == count:
            return grid
    for ratio in (1, 2, 3):
        width = math.isqrt(count // ratio)
        if width and ratio * width * width == count:
            return ratio * width, width
    return None


def resize_positions(embedding: Tensor, old: Grid, new: Grid) -> Tensor:
    """(1, 1 + h * w, C) of the `old` grid to the `new` one; the class token's is left as it is.

    It is done by linear interpolation, as in TransReID's code (He et al., ICCV 2021).
    """
    if old == new:
        return embedding
    first, rest = embedding[:, :1], embedding[:, 1:]
    laid_out = rest.reshape(1, *old, -1).permute(0, 3, 1, 2)
    resized = functional.interpolate(laid_out.float(), size=new, mode="bilinear")
    listed = resized.to(embedding.dtype).flatten(2).transpose(1, 2)
    return torch.cat([first, listed], dim=1)
