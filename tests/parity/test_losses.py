"""Losses against the reference values and against plain loops."""

import golden
import numpy as np
import oracle
import pytest
import torch

from crosscam.losses.cross_entropy import smoothed_cross_entropy
from crosscam.losses.triplet import batch_hard_triplet


@pytest.fixture(scope="module")
def reference():
    return golden.load("losses")


def test_triplet_and_its_gradient(reference):
    features = torch.tensor(reference["embeddings"], requires_grad=True)
    loss = batch_hard_triplet(features, torch.tensor(reference["labels"]), margin=0.3)
    loss.backward()
    expected = reference["hard_triplet_margin_0_3"]
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    assert np.abs(features.grad.numpy() - reference["hard_triplet_gradient"]).max() < 1e-6


@pytest.mark.parametrize(("smoothing", "name"), [(0.1, "xent_smoothing_0_1"), (0.0, "xent")])
def test_cross_entropy(reference, smoothing, name):
    logits = torch.tensor(reference["logits"], requires_grad=True)
    labels = torch.tensor(reference["labels"])
    loss = smoothed_cross_entropy(logits, labels, smoothing=smoothing)
    assert loss.item() == pytest.approx(reference[name], rel=1e-6)
    if smoothing:
        loss.backward()
        assert np.abs(logits.grad.numpy() - reference["xent_smoothing_gradient"]).max() < 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_triplet_equals_plain_loops(seed):
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(12, 5, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (12,), generator=generator)
    labels[0] = 9  # alone of its kind
    expected = oracle.batch_hard_triplet(features, labels, margin=0.3)
    assert batch_hard_triplet(features, labels).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_cross_entropy_equals_plain_loops(smoothing):
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    labels = torch.randint(4, (6,), generator=generator)
    loss = smoothed_cross_entropy(logits, labels, smoothing=smoothing)
    assert loss.item() == pytest.approx(oracle.cross_entropy(logits, labels, smoothing), rel=1e-12)
