"""Rectangles: their law, what fills them, and pieces of other pictures."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from crosscam.data.erasing import draw_rectangle, erase, put_patch
from crosscam.data.transforms import Preprocess
from crosscam.settings.augmenting import Erasing

HEIGHT, WIDTH = 256, 128
PREPROCESS = Preprocess(64, 32)


def rectangles(shape, count=2000):
    rng = np.random.default_rng(0)
    return [draw_rectangle(HEIGHT, WIDTH, shape, rng) for _ in range(count)]


@pytest.mark.parametrize(
    "shape",
    [
        Erasing(),
        Erasing(area=(0.02, 1 / 3), log_aspect=True),
        Erasing(area=(0.1, 0.1), aspect=1),
    ],
    ids=["published", "timm", "square"],
)
def test_rectangles_have_the_area_and_aspect_asked_for(shape):
    for top, left, rows, columns in rectangles(shape):
        assert 0 <= top <= HEIGHT - rows
        assert 0 <= left <= WIDTH - columns
        # Rounding moves each side by half a pixel at most.
        assert (rows + 0.5) * (columns + 0.5) >= shape.area[0] * HEIGHT * WIDTH
        assert (rows - 0.5) * (columns - 0.5) <= shape.area[1] * HEIGHT * WIDTH
        assert (rows + 0.5) / (columns - 0.5) >= shape.aspect
        assert (rows - 0.5) / (columns + 0.5) <= 1 / shape.aspect


def slow_rectangles(shape, count):
    """The same law by rejection, many at a time: shapes, of those that fit."""
    rng = np.random.default_rng(1)
    area = rng.uniform(shape.area[0], shape.area[1], 4 * count) * HEIGHT * WIDTH
    aspect = rng.uniform(shape.aspect, 1 / shape.aspect, 4 * count)
    if shape.log_aspect:
        bound = -math.log(shape.aspect)
        aspect = np.exp(rng.uniform(-bound, bound, 4 * count))
    rows, columns = np.sqrt(area * aspect), np.sqrt(area / aspect)
    fit = (rows < HEIGHT - 0.5) & (columns < WIDTH - 0.5)
    return np.log(rows / columns)[fit][:count], (rows * columns)[fit][:count]


@pytest.mark.parametrize("log_aspect", [False, True])
def test_their_law_is_that_of_drawing_until_one_fits(log_aspect):
    shape = Erasing(log_aspect=log_aspect)
    aspects, areas = slow_rectangles(shape, 20_000)
    found = np.array([place[2:] for place in rectangles(shape)], dtype=float)
    logs, sizes = np.log(found[:, 0] / found[:, 1]), found[:, 0] * found[:, 1]
    # Means of 2,000 draws: five standard errors.
    assert abs(logs.mean() - aspects.mean()) < 5 * aspects.std() / 2000**0.5
    assert abs(sizes.mean() - areas.mean()) < 5 * areas.std() / 2000**0.5


def test_nothing_is_erased_where_nothing_fits():
    shape = Erasing(area=(1, 1))
    assert draw_rectangle(HEIGHT, WIDTH, shape, np.random.default_rng(0)) is None
    tensor = torch.ones(3, 8, 4)
    erase(tensor, PREPROCESS, shape, np.random.default_rng(0))
    assert (tensor == 1).all()
    image, other = Image.new("RGB", (1, 1)), Image.new("RGB", (4, 4), "white")
    assert put_patch(image, other, np.random.default_rng(0)) == image


@pytest.mark.parametrize("fill", ["mean", "noise", "colour"])
def test_what_fills_a_rectangle(fill):
    colour = (1.0, 0.5, 0.0)
    erasing = Erasing(fill=fill, colour=colour if fill == "colour" else None)
    tensor = torch.full((3, 64, 32), 9.0)
    erase(tensor, PREPROCESS, erasing, np.random.default_rng(3))
    inside = (tensor != 9).all(dim=0)
    rows, columns = inside.any(dim=1).sum(), inside.any(dim=0).sum()
    assert inside.sum() == rows * columns > 50
    assert (tensor[:, ~inside] == 9).all()
    values = tensor[:, inside]
    if fill == "mean":
        assert (values == 0).all()
    elif fill == "colour":
        shown = PREPROCESS.pixels_of(tensor[None])[0][inside.numpy()]
        assert set(map(tuple, shown.tolist())) == {(255, 128, 0)}
    else:
        assert len(values.unique()) == values.numel()
        assert abs(values.mean()) < 4 / values.numel() ** 0.5
        assert abs(values.std() - 1) < 4 / (2 * values.numel()) ** 0.5


def test_the_published_colour_is_that_of_the_mean_put_into_a_normalised_picture():
    """Several systems write 0.485, 0.456 and 0.406 after normalising."""
    erasing = Erasing(fill="colour", colour=(0.596065, 0.558144, 0.49735))
    tensor = torch.full((3, 64, 32), 9.0)
    erase(tensor, PREPROCESS, erasing, np.random.default_rng(3))
    inside = tensor[:, (tensor != 9).all(dim=0)]
    assert torch.allclose(inside[:, 0], torch.tensor([0.485, 0.456, 0.406]), atol=1e-5)


@pytest.mark.parametrize("size", [(128, 256), (64, 128)], ids=["as large", "half as large"])
def test_a_patch_comes_from_the_other_picture_and_covers_a_rectangle(size):
    """The other picture says where its pixels are from: red is the row, green the column."""
    side = np.arange(0, 256, 2, dtype=np.uint8)
    rows, columns = np.meshgrid(np.repeat(side, 2), side, indexing="ij")
    other = Image.fromarray(np.stack([rows, columns, np.full_like(rows, 255)], axis=2))
    other = other.resize(size, Image.Resampling.BOX)
    image, turned, flipped, shares, corners = Image.new("RGB", (128, 256)), 0, 0, [], []
    for seed in range(120):
        found = np.asarray(put_patch(image, other, np.random.default_rng(seed))).astype(int)
        assert not np.asarray(image).any()
        inside = found.any(axis=2)
        shares.append(inside.mean())
        box = found[inside.any(axis=1)][:, inside.any(axis=0)]
        straight = (box[..., 2] == 255).all() and (np.ptp(box[..., 0], axis=1) <= 2).all()
        turned += not straight
        if straight and box.shape[1] > 8:
            corners.append(box[..., :2].min(axis=(0, 1)))
            across, down = np.diff(box[len(box) // 2, 4:-4, 1]), np.diff(box[4:-4, 4, 0])
            assert abs(abs(across.mean()) - 2) < 0.3
            assert not len(down) or abs(down.mean() - 1) < 0.3
            flipped += int(across.sum() < 0)
    assert 35 < turned < 80  # half of 120, but a turn by nothing is none
    assert 0.25 < flipped / len(corners) < 0.75
    assert (np.min(corners, axis=0) < 20).all()
    assert (np.max(corners, axis=0) > 120).all()
    assert min(shares) < 0.03
    assert 0.35 < max(shares) <= 0.51
