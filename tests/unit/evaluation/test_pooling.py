"""The generalised mean is what its paper says, in every layout."""

import golden
import numpy as np
import pytest
import torch

from crosscam.models.pooling import GeneralisedMean, global_average


@pytest.fixture
def x():
    return golden.images(3, 16, 8).abs()


def test_it_is_the_root_of_the_mean_of_powers(x):
    values = np.maximum(x.numpy().astype(np.float64), 1e-6)
    expected = np.empty((3, 3))
    for n in range(3):
        for c in range(3):
            expected[n, c] = np.mean([v**3 for v in values[n, c].ravel()]) ** (1 / 3)
    np.testing.assert_allclose(GeneralisedMean()(x).detach(), expected, rtol=1e-5)


def test_one_is_the_mean_and_a_large_one_nears_the_largest(x):
    pool = GeneralisedMean()
    with torch.no_grad():
        pool.p.fill_(1.0)
        torch.testing.assert_close(pool(x), global_average(x))
        pool.p.fill_(20.0)
        assert (pool(x / 3) <= x.amax((2, 3)) / 3).all()
        assert (pool(x / 3) > 0.75 * x.amax((2, 3)) / 3).all()


def test_layouts_are_alike(x):
    flat = GeneralisedMean()(x)
    last = x.permute(0, 2, 3, 1)
    assert torch.equal(GeneralisedMean(keep_sides=True)(x), flat[:, :, None, None])
    torch.testing.assert_close(GeneralisedMean(channels_last=True)(last), flat)
    kept = GeneralisedMean(channels_last=True, keep_sides=True)(last)
    torch.testing.assert_close(kept, flat[:, None, None, :])


def test_negative_values_are_no_trouble_and_its_power_is_learned(x):
    pool = GeneralisedMean()
    pool(-x).sum().backward()
    assert torch.isfinite(pool.p.grad).all()
    pool(x).sum().backward()
    assert pool.p.grad.abs() > 1e-3


def test_half_floats_come_back_as_they_came(x):
    pooled = GeneralisedMean()(x.bfloat16())
    assert pooled.dtype == torch.bfloat16
    torch.testing.assert_close(pooled.float(), GeneralisedMean()(x), rtol=1e-2, atol=1e-2)
