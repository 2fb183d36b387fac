"""The losses over pairs: plain loops, values and gradients, and where the answer is known."""

from functools import partial

import loss_oracles
import numpy as np
import pytest
import torch

from crosscam.losses.circle import circle_loss
from crosscam.losses.contrastive import supervised_contrastive
from crosscam.losses.multi_similarity import multi_similarity
from crosscam.losses.triplet import batch_hard_triplet
from crosscam.losses.weighted_triplet import weighted_triplet

LABELS = {
    "two of each": [0, 0, 1, 1, 2, 2],
    "some alone": [3, 7, 3, 3, 1, 5],
    "all alike": [4, 4, 4, 4],
    "all different": [0, 1, 2, 3],
    "one image": [2],
}
CASES = {
    "triplet": (batch_hard_triplet, loss_oracles.triplet, {}),
    "triplet, soft": (batch_hard_triplet, loss_oracles.triplet, {"soft": True}),
    "triplet, normalised": (batch_hard_triplet, loss_oracles.triplet, {"normalise": True}),
    "wrt": (weighted_triplet, loss_oracles.weighted_triplet, {}),
    "wrt, no floor": (weighted_triplet, loss_oracles.weighted_triplet, {"floor": 0.0}),
    "wrt, a high floor": (weighted_triplet, loss_oracles.weighted_triplet, {"floor": 0.3}),
    "circle": (circle_loss, loss_oracles.circle, {}),
    "circle, flat": (circle_loss, loss_oracles.circle, {"scale": 4.0, "margin": 0.4}),
    "supcon": (supervised_contrastive, loss_oracles.contrastive, {}),
    "supcon, warm": (supervised_contrastive, loss_oracles.contrastive, {"temperature": 2.0}),
    "multi-similarity": (multi_similarity, loss_oracles.multi_similarity, {}),
    "multi-similarity, few pairs": (
        multi_similarity,
        loss_oracles.multi_similarity,
        {"alpha": 3.0, "beta": 4.0, "base": 0.2, "margin": 0.1},
    ),
}


def draw(count, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, 4)))


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@pytest.mark.parametrize("name", CASES)
def test_a_loss_equals_plain_loops_in_value_and_gradient(name, labels):
    compute, oracle, settings = CASES[name]
    features = draw(len(labels)).requires_grad_()
    rows = features.tolist()
    slow = partial(oracle, labels=labels, **settings)
    if oracle is loss_oracles.circle:
        slow = partial(slow, seen=rows)
    loss = compute(features, torch.tensor(labels), **settings)
    loss.backward()
    # To itself an image has the distance 1e-6, the root of 1e-12, where the loops have 0.
    assert loss.item() == pytest.approx(slow(rows), rel=1e-6, abs=2e-6)
    expected = loss_oracles.gradient(slow, rows)
    np.testing.assert_allclose(features.grad.numpy(), expected, rtol=1e-4, atol=3e-6)


@pytest.mark.parametrize("name", CASES)
def test_a_loss_is_float32_under_autocast_and_for_bfloat16_features(name):
    compute, _, settings = CASES[name]
    features = (3 + draw(8)).float()
    labels = torch.arange(8) // 2
    expected = compute(features, labels, **settings)
    assert expected.dtype == torch.float32
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(compute(features, labels, **settings), expected)
    halves = features.bfloat16()
    assert torch.equal(
        compute(halves, labels, **settings), compute(halves.float(), labels, **settings)
    )


def test_people_far_apart_cost_nothing_and_people_alike_the_margin():
    apart = torch.tensor([[0.0, 0], [0, 0.1], [9, 9], [9, 9.1]])
    labels = torch.tensor([0, 0, 1, 1])
    assert batch_hard_triplet(apart, labels, margin=0.3).item() == 0
    alike = torch.zeros(4, 2)
    assert batch_hard_triplet(alike, labels, margin=0.3).item() == pytest.approx(0.3)
    for compute in (partial(batch_hard_triplet, soft=True), weighted_triplet):
        assert compute(alike, labels).item() == pytest.approx(np.log(2), rel=1e-5)


def test_a_batch_of_one_person_has_no_negative_and_costs_nothing():
    features = torch.randn(4, 3, requires_grad=True)
    for soft in (False, True):
        loss = batch_hard_triplet(features, torch.zeros(4, dtype=torch.long), soft=soft)
        loss.backward()
        assert loss.item() == 0
    assert torch.equal(features.grad, torch.zeros(4, 3))


def test_negatives_far_away_keep_their_weight_without_a_floor_and_lose_it_with_one():
    features = torch.tensor([[0.0], [1.0], [40.0], [42.0]])
    labels = torch.tensor([0, 0, 1, 1])
    assert weighted_triplet(features, labels, floor=0.0).item() < 1e-9
    assert weighted_triplet(features, labels).item() > 1


def test_copies_of_a_picture_are_no_positives_to_multi_similarity():
    features = draw(5)
    labels = torch.tensor([0, 0, 1, 1, 2])
    features[1] = 2 * features[0]
    with_copy = multi_similarity(features, labels, margin=2.0)
    expected = loss_oracles.multi_similarity(features.tolist(), labels.tolist(), margin=2.0)
    assert with_copy.item() == pytest.approx(expected, rel=1e-9)
    no_pair = torch.tensor([0, 9, 1, 1, 2])  # to the others the copy is a negative as before
    assert with_copy.item() == multi_similarity(features, no_pair, margin=2.0).item()
