"""Losses where the answer is known."""

import pytest
import torch

from crosscam.losses.triplet import batch_hard_triplet


def test_people_far_apart_cost_nothing_and_people_alike_the_margin():
    apart = torch.tensor([[0.0, 0], [0, 0.1], [9, 9], [9, 9.1]])
    labels = torch.tensor([0, 0, 1, 1])
    assert batch_hard_triplet(apart, labels, margin=0.3).item() == 0
    alike = torch.zeros(4, 2)
    assert batch_hard_triplet(alike, labels, margin=0.3).item() == pytest.approx(0.3)


def test_a_batch_of_one_person_has_no_negative_and_costs_nothing():
    features = torch.randn(4, 3, requires_grad=True)
    loss = batch_hard_triplet(features, torch.zeros(4, dtype=torch.long))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(features.grad, torch.zeros(4, 3))


def test_identical_features_have_a_finite_gradient():
    features = torch.ones(4, 3, requires_grad=True)
    batch_hard_triplet(features, torch.tensor([0, 0, 1, 1])).backward()
    assert torch.isfinite(features.grad).all()


def test_distances_are_float32_under_autocast_and_for_bfloat16_features():
    features = 100 + torch.randn(8, 16, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(8) // 2
    expected = batch_hard_triplet(features, labels)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(batch_hard_triplet(features, labels), expected)
    halves = features.bfloat16()
    assert torch.equal(
        batch_hard_triplet(halves, labels), batch_hard_triplet(halves.float(), labels)
    )
