"""The embedding of where on the image a token lies, for grids of any size."""

import math

import torch
from torch import Tensor

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

    It is done by linear interpolation, as in TransReID's code (He et al., ICCV 2021), but by
    products of matrices, whose gradients are the same each time on GPUs, too.
    """
    if old == new:
        return embedding
    first, rest = embedding[:, :1], embedding[:, 1:]
    with torch.autocast(embedding.device.type, enabled=False):
        rows, columns = (_between(*sides, rest) for sides in zip(old, new, strict=True))
        laid_out = rest.float().reshape(*old, -1)
        resized = torch.tensordot(columns, torch.tensordot(rows, laid_out, dims=1), dims=([1], [1]))
    listed = resized.transpose(0, 1).flatten(0, 1).to(embedding.dtype)
    return torch.cat([first, listed[None]], dim=1)


def _between(old: int, new: int, like: Tensor) -> Tensor:
    """(new, old) float32: how much of each of `old` places is in each of `new` ones, in a row."""
    where = (torch.arange(new, device=like.device) + 0.5) * (old / new) - 0.5
    places = torch.arange(old, device=like.device)
    return (1 - (where.clamp(0, old - 1)[:, None] - places).abs()).clamp(min=0)
