"""Poolings beside the same in NumPy's float64, and their gradients beside differences."""

import numpy as np
import pytest
import torch

from crosscam.models.pooling import (
    AttentionPool,
    Average,
    AverageAndMaximum,
    GeneralisedMean,
    Maximum,
)


def attention():
    torch.manual_seed(5)
    return AttentionPool(6)


def attended(x, pool):
    hidden, score = (layer.weight.detach().double().numpy() for layer in (pool.hidden, pool.score))
    pooled = []
    for image in x:
        places = image.reshape(6, -1).T
        scores = [float(score[0] @ np.tanh(hidden @ place)) for place in places]
        weights = np.exp(scores) / np.exp(scores).sum()
        pooled.append(sum(weight * place for weight, place in zip(weights, places, strict=True)))
    return np.stack(pooled)


CASES = {
    "avg": (Average, lambda x, _: x.mean(axis=(2, 3))),
    "max": (Maximum, lambda x, _: x.max(axis=(2, 3))),
    "avgmax": (AverageAndMaximum, lambda x, _: (x.mean(axis=(2, 3)) + x.max(axis=(2, 3))) / 2),
    "gem": (
        lambda: GeneralisedMean(power=2.5),
        lambda x, _: (np.maximum(x, 1e-6) ** 2.5).mean(axis=(2, 3)) ** (1 / 2.5),
    ),
    "gem, fixed": (
        lambda: GeneralisedMean(power=4.0, is_learned=False),
        lambda x, _: (np.maximum(x, 1e-6) ** 4).mean(axis=(2, 3)) ** 0.25,
    ),
    "attention": (attention, attended),
}


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name):
    make, slow = CASES[name]
    pool = make()
    x = np.random.default_rng(0).standard_normal((3, 6, 4, 2)) + 0.5
    given = torch.from_numpy(x).float().requires_grad_()
    pooled = pool(given)
    np.testing.assert_allclose(pooled.detach().numpy(), slow(x, pool), rtol=1e-5, atol=1e-6)
    direction = np.random.default_rng(1).standard_normal(x.shape)
    weights = np.random.default_rng(2).standard_normal((3, 6))
    (pooled * torch.from_numpy(weights).float()).sum().backward()
    step = 1e-6
    ahead, behind = (slow(x + sign * step * direction, pool) for sign in (1, -1))
    expected = ((ahead - behind) * weights).sum() / (2 * step)
    found = (given.grad.double().numpy() * direction).sum()
    np.testing.assert_allclose(found, expected, rtol=2e-4)


def test_weights_of_places_are_learned_from_nearly_the_mean():
    pool, x = attention(), torch.rand(2, 6, 4, 2)
    torch.testing.assert_close(pool(x), x.mean(dim=(2, 3)), rtol=0.2, atol=0)
    pool(x).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in pool.parameters())


def test_a_power_is_learned_or_no_part_of_the_weights():
    learned, fixed = GeneralisedMean(power=4.0), GeneralisedMean(power=4.0, is_learned=False)
    x = torch.rand(2, 6, 4, 2)
    assert torch.equal(learned(x), fixed(x))
    assert list(learned.state_dict()) == ["p"]
    assert not fixed.state_dict()
    learned(x).sum().backward()
    step = 1e-3
    ahead, behind = (GeneralisedMean(power=4.0 + sign * step)(x).sum() for sign in (1, -1))
    assert learned.p.grad.item() == pytest.approx((ahead - behind).item() / (2 * step), rel=1e-2)
