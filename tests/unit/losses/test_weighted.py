"""The loss of a recipe: a weighted sum of parts, the same for both ways of writing it."""

import pytest
import torch

from crosscam.losses.triplet import batch_hard_triplet
from crosscam.losses.weighted import WeightedLosses
from crosscam.settings.losses import LOSSES, CrossEntropy, LossTable, Triplet
from crosscam.types import ModelOutput

LABELS = torch.tensor([0, 0, 1, 1, 2, 2])


@pytest.fixture
def output():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(6, 4, generator=generator)
    return ModelOutput(features, tuple(torch.randn(6, 3, generator=generator) for _ in range(2)))


def test_the_parts_are_weighted_means_over_classifiers(output):
    losses = WeightedLosses(LossTable(xent=2.0, label_smoothing=0.0, triplet=0.5).parts)
    parts = losses(output, LABELS)
    each = [torch.nn.functional.cross_entropy(one, LABELS) for one in output.logits]
    assert parts["xent"].item() == pytest.approx(2 * (each[0] + each[1]).item() / 2)
    assert parts["triplet"].item() == pytest.approx(
        0.5 * batch_hard_triplet(output.features, LABELS, margin=0.3).item()
    )


@pytest.mark.parametrize(
    ("table", "names"),
    [(LossTable(), ["xent"]), (LossTable(xent=0.0, triplet=1.0), ["triplet"])],
)
def test_a_part_of_no_weight_is_not_computed(output, table, names):
    assert list(WeightedLosses(table.parts)(output, LABELS)) == names


def test_parts_come_in_the_order_of_the_list(output):
    both = (Triplet(name="triplet", margin=0.1), CrossEntropy(name="xent"))
    parts = WeightedLosses(both)(output, LABELS)
    assert list(parts) == ["triplet", "xent"]
    expected = batch_hard_triplet(output.features, LABELS, margin=0.1)
    assert torch.equal(parts["triplet"], expected)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_every_loss_that_a_recipe_can_name_has_a_gradient(output, name):
    features = output.features.clone().requires_grad_()
    logits = tuple(one + features[:, :3] for one in output.logits)
    losses = WeightedLosses([LOSSES[name](name=name)])
    losses(ModelOutput(features, logits), LABELS)[name].backward()
    assert torch.isfinite(features.grad).all()
    assert features.grad.abs().sum() > 0
    assert list(losses.state_dict()) == []
