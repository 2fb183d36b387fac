"""Losses on whatever a batch may hold: never NaN, never below 0, and the same in any order."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crosscam.losses.weighted import WeightedLosses
from crosscam.settings.losses import LOSSES
from crosscam.types import ModelOutput

CLASSES, DIM = 5, 3
OTHERS = {
    "triplet": [{"soft": True}, {"normalise": True}],
    "wrt": [{"floor": 0.0}],
    "circle": [{"scale": 1e4}],
    "supcon": [{"temperature": 1e-3}],
    "multi-similarity": [{"alpha": 1e4, "beta": 1e4, "margin": 0.0}],
}
PARTS = [
    kind(name=name, **said) for name, kind in LOSSES.items() for said in [{}, *OTHERS.get(name, [])]
]
IDS = [f"{part.name}-{number}" for number, part in enumerate(PARTS)]
patterns = st.one_of(
    st.lists(st.integers(0, CLASSES - 1), min_size=1, max_size=12),
    st.integers(1, 8).map(lambda count: [1] * count),
    st.permutations(range(CLASSES)),
)
sizes = st.sampled_from([0.0, 1e-20, 1e-6, 1.0, 1e3, 1e8, 1e15])
seeds = st.integers(0, 2**32 - 1)


def a_batch(labels, size, seed, *, copies=False):
    rng = np.random.default_rng(seed)
    features = size * rng.normal(size=(len(labels), DIM))
    if copies:
        features[:] = features[0]
    logits = size * rng.normal(size=(len(labels), CLASSES))
    return (
        torch.tensor(features, dtype=torch.float32, requires_grad=True),
        torch.tensor(logits, dtype=torch.float32, requires_grad=True),
        torch.tensor(labels),
    )


def the_loss(part):
    torch.manual_seed(0)
    return WeightedLosses([part], num_classes=CLASSES, feature_dim=DIM)


@pytest.mark.parametrize("part", PARTS, ids=IDS)
@given(labels=patterns, size=sizes, seed=seeds, copies=st.booleans())
@settings(max_examples=40)
def test_a_loss_and_its_gradient_are_finite_and_it_is_not_negative(
    part, labels, size, seed, copies
):
    features, logits, labels = a_batch(labels, size, seed, copies=copies)
    losses = the_loss(part)
    value = losses(ModelOutput(features, (logits,)), labels)[part.name]
    value.backward()
    assert torch.isfinite(value)
    assert value >= 0
    for given_one in (features, logits, *losses.parameters()):
        assert given_one.grad is None or torch.isfinite(given_one.grad).all()


@pytest.mark.parametrize("part", PARTS, ids=IDS)
@given(labels=patterns, seed=seeds)
@settings(max_examples=20)
def test_the_order_of_a_batch_and_the_names_of_its_people_change_no_loss(part, labels, seed):
    features, logits, labels = a_batch(labels, 1.0, seed)
    losses = the_loss(part)
    value = losses(ModelOutput(features, (logits,)), labels)[part.name].item()
    rng = np.random.default_rng(seed)
    order = torch.from_numpy(rng.permutation(len(labels)))
    moved = losses(ModelOutput(features[order], (logits[order],)), labels[order])[part.name]
    assert moved.item() == pytest.approx(value, rel=1e-4, abs=1e-5)
    if part.compares_images:
        names = torch.from_numpy(rng.permutation(CLASSES))
        renamed = losses(ModelOutput(features, (logits,)), names[labels])[part.name]
        assert renamed.item() == value


COMPARING = [part for part in PARTS if part.compares_images]


@pytest.mark.parametrize("part", COMPARING, ids=[part.name for part in COMPARING])
@given(count=st.integers(1, CLASSES), seed=seeds)
@settings(max_examples=10)
def test_where_there_is_nothing_to_compare_nothing_moves(part, count, seed):
    alike, different = [2] * count, list(range(count))
    pulls_alone = part.name in ("wrt", "supcon")  # positives, where there are no negatives
    pushes_alone = part.name in ("triplet", "wrt")  # negatives, where there are no positives
    for people, moves in ((alike, pulls_alone), (different, pushes_alone)):
        features, logits, labels = a_batch(people, 1.0, seed)
        the_loss(part)(ModelOutput(features, (logits,)), labels)[part.name].backward()
        if count == 1 or not moves:
            assert not features.grad.any()
