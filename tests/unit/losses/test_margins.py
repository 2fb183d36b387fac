"""Logits of cosines against plain loops, in value and gradient, and at the ends of their range."""

import math

import loss_oracles
import numpy as np
import pytest
import torch

from crosscam.losses.margins import MARGINS, arcface_logits

LABELS = [1, 0, 2, 2]


@pytest.mark.parametrize("margin", [0.0, 0.35, 0.5])
@pytest.mark.parametrize("name", MARGINS)
def test_logits_equal_plain_loops_in_value_and_gradient(name, margin):
    rng = np.random.default_rng(1)
    cosines = torch.from_numpy(rng.uniform(-0.99, 0.99, size=(4, 3)))
    cosines[0, 1] = -0.95  # where an angle and a margin pass pi
    cosines.requires_grad_()
    slopes = rng.normal(size=(4, 3))
    logits = MARGINS[name](cosines, torch.tensor(LABELS), scale=16.0, margin=margin)
    (logits * torch.from_numpy(slopes)).sum().backward()
    rows = cosines.tolist()

    def slow(moved):
        return loss_oracles.margin_logits(name, moved, LABELS, scale=16.0, margin=margin, seen=rows)

    np.testing.assert_allclose(logits.detach().numpy(), slow(rows), rtol=1e-12, atol=1e-12)
    expected = loss_oracles.gradient(lambda x: float((slopes * np.array(slow(x))).sum()), rows)
    np.testing.assert_allclose(cosines.grad.numpy(), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", MARGINS)
def test_the_true_class_is_set_back_and_rises_with_its_cosine(name):
    cosines = torch.linspace(-1, 1, 201).unsqueeze(1).repeat(1, 2)
    labels = torch.zeros(201, dtype=torch.long)
    logits = MARGINS[name](cosines, labels, scale=8.0, margin=0.4)
    if name != "circle":  # whose weights make a parabola of it
        assert (logits[1:, 0] > logits[:-1, 0]).all()
        assert (logits[:, 0] <= logits[:, 1]).all()
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", MARGINS)
@pytest.mark.parametrize("end", [1.0, -1.0, 1.0000001, -1.0000001])
def test_the_gradient_at_the_ends_is_finite(name, end):
    cosines = torch.full((2, 2), end, requires_grad=True)
    MARGINS[name](cosines, torch.tensor([0, 1]), scale=64.0, margin=0.5).sum().backward()
    assert torch.isfinite(cosines.grad).all()


def test_arcface_adds_its_margin_to_the_angle():
    angle = torch.tensor([[0.3, 1.0]], dtype=torch.float64)
    logits = arcface_logits(angle.cos(), torch.tensor([1]), scale=2.0, margin=0.5)
    assert logits.tolist() == [[pytest.approx(2 * math.cos(0.3)), pytest.approx(2 * math.cos(1.5))]]


@pytest.mark.parametrize("name", MARGINS)
def test_logits_are_float32_under_autocast_and_of_bfloat16_cosines(name):
    cosines = torch.rand(4, 3, generator=torch.Generator().manual_seed(0)).bfloat16()
    labels = torch.tensor(LABELS)
    expected = MARGINS[name](cosines.float(), labels, scale=64.0, margin=0.3)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(MARGINS[name](cosines, labels, scale=64.0, margin=0.3), expected)
    assert expected.dtype == torch.float32
