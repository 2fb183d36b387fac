"""Grids of patches, and positions resized from one to another."""

import pytest
import torch

from crosscam.models.positions import grid_of, guess_grid, resize_positions


@pytest.mark.parametrize(
    ("size", "stride", "grid"),
    [((256, 128), 16, (16, 8)), ((256, 128), 12, (21, 10)), ((384, 128), 12, (31, 10))],
)
def test_patches_that_do_not_fit_are_not_counted(size, stride, grid):
    assert grid_of(size, patch=16, stride=stride) == grid


@pytest.mark.parametrize(
    ("count", "grid"),
    [(196, (14, 14)), (128, (16, 8)), (192, (24, 8)), (210, (21, 10)), (131, None), (0, None)],
)
def test_the_grid_is_told_by_the_number_of_patches(count, grid):
    assert guess_grid(count, ((21, 10),)) == grid


@pytest.mark.parametrize(
    ("old", "new"), [((14, 14), (21, 10)), ((16, 8), (5, 3)), ((1, 4), (7, 9))]
)
def test_values_and_gradients_are_those_of_torchs_interpolation(old, new):
    torch.manual_seed(0)
    embedding = torch.randn(1, 1 + old[0] * old[1], 5, requires_grad=True)
    weights = torch.randn(1, 1 + new[0] * new[1], 5)
    (resize_positions(embedding, old, new) * weights).sum().backward()
    other = embedding.detach().clone().requires_grad_()
    laid_out = other[:, 1:].reshape(1, *old, 5).permute(0, 3, 1, 2)
    resized = torch.nn.functional.interpolate(laid_out, size=new, mode="bilinear")
    expected = torch.cat([other[:, :1], resized.flatten(2).transpose(1, 2)], dim=1)
    (expected * weights).sum().backward()
    torch.testing.assert_close(resize_positions(embedding, old, new), expected)
    torch.testing.assert_close(embedding.grad, other.grad)


def test_a_slope_stays_a_slope_and_the_class_token_stays():
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(4.0), indexing="ij")
    flat = torch.stack([rows, columns], dim=-1).reshape(1, 32, 2)
    embedding = torch.cat([torch.full((1, 1, 2), 9.0), flat], dim=1)
    resized = resize_positions(embedding, (8, 4), (16, 8))
    assert torch.equal(resized[:, 0], embedding[:, 0])
    inner = resized[0, 1:].reshape(16, 8, 2)[1:-1, 1:-1]
    expected = torch.arange(1.0, 15) / 2 - 0.25
    torch.testing.assert_close(inner[:, 0, 0], expected)
    assert resize_positions(embedding, (8, 4), (8, 4)) is embedding
