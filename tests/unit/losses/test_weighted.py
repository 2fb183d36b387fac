"""The loss of a recipe: a weighted sum of parts, the same for both ways of writing it."""

import pytest
import torch

from crosscam.errors import InputError
from crosscam.losses.margins import MARGINS
from crosscam.losses.triplet import batch_hard_triplet
from crosscam.losses.weighted import WeightedLosses
from crosscam.settings.head import Head
from crosscam.settings.losses import LOSSES, CrossEntropy, LossTable, Triplet
from crosscam.types import ModelOutput

LABELS = torch.tensor([0, 0, 1, 1, 2, 2])
SIZES = {"num_classes": 3, "feature_dim": 4}


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def output():
    return ModelOutput(draw(6, 4), (draw(6, 3, seed=1), draw(6, 3, seed=2)))


def every_loss():
    torch.manual_seed(0)
    return WeightedLosses([kind(name=name) for name, kind in LOSSES.items()], **SIZES)


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
    losses = WeightedLosses([LOSSES[name](name=name)], **SIZES)
    losses(ModelOutput(features, logits), LABELS)[name].backward()
    assert torch.isfinite(features.grad).all()
    assert features.grad.abs().sum() > 0
    assert bool(losses.state_dict()) == LOSSES[name].learns
    assert bool(list(losses.parameters())) == LOSSES[name].learns


def test_what_a_recipe_says_of_a_loss_reaches_it(output):
    others = {
        "xent": {"label_smoothing": 0.3},
        "triplet": [{"margin": 2.0}, {"soft": True}, {"normalise": True}],
        "wrt": {"floor": 0.5},
        "circle": [{"scale": 2.0}, {"margin": 0.6}],
        "supcon": {"temperature": 3.0},
        "multi-similarity": [{"alpha": 9.0}, {"beta": 9.0}, {"base": 0.0}, {"margin": 0.01}],
    }
    people = torch.nn.functional.one_hot(LABELS, 4)
    output = output._replace(features=output.features + 3 * people)  # some pairs are easy
    plain = every_loss()(output, LABELS)
    for name, said in others.items():
        for settings in said if isinstance(said, list) else [said]:
            losses = WeightedLosses([LOSSES[name](name=name, **settings)])
            assert losses(output, LABELS)[name].item() != pytest.approx(plain[name].item())


def test_every_loss_on_features_sees_each_branch_by_its_share(output):
    losses = every_loss()
    branches = (draw(6, 4, seed=3), draw(6, 4, seed=4))
    alone = [losses(output._replace(features=branch), LABELS) for branch in branches]
    means = losses(output._replace(compared=branches), LABELS)
    shared = losses(output._replace(compared=branches, shares=(0.75, 0.25)), LABELS)
    for part in losses.settings:
        if part.on == "features":
            one, other = (values[part.name].item() for values in alone)
            assert means[part.name].item() == pytest.approx((one + other) / 2)
            assert shared[part.name].item() == pytest.approx(0.75 * one + 0.25 * other)
    first, second = (
        losses(output._replace(logits=(one,)), LABELS)["xent"].item() for one in output.logits
    )
    assert shared["xent"].item() == pytest.approx(0.75 * first + 0.25 * second)


@pytest.mark.parametrize("name", MARGINS)
def test_of_the_cosines_of_a_head_its_scale_and_margin_make_logits(output, name):
    cosines = tuple(one.clamp(-1, 1) for one in output.logits)
    head = Head(classifier=name, scale=9.0, **({} if name == "cosine" else {"margin": 0.4}))
    losses = WeightedLosses([CrossEntropy(name="xent", label_smoothing=0.0)], head=head)
    logits = [MARGINS[name](one, LABELS, scale=9.0, margin=0.4) for one in cosines]
    each = [torch.nn.functional.cross_entropy(one, LABELS).item() for one in logits]
    value = losses(output._replace(logits=cosines), LABELS)["xent"].item()
    assert value == pytest.approx(sum(each) / 2)


def test_logits_of_a_linear_classifier_are_left_as_they_are(output):
    part = [CrossEntropy(name="xent")]
    plain = WeightedLosses(part)(output, LABELS)["xent"]
    for head in (Head(), Head(name="bnneck")):
        assert torch.equal(WeightedLosses(part, head=head)(output, LABELS)["xent"], plain)


@pytest.mark.parametrize("known", [{}, {"num_classes": 3}, {"feature_dim": 4}])
def test_a_loss_that_learns_says_what_it_needs(known):
    with pytest.raises(InputError, match="loss center .* give num_classes and feature_dim"):
        WeightedLosses([LOSSES["center"](name="center")], **known)


def test_the_state_of_a_loss_that_learns_is_saved_and_loaded(output):
    first, second = every_loss(), WeightedLosses([LOSSES["center"](name="center")], **SIZES)
    assert list(first.state_dict()) == ["parts.center.centers"]
    second.load_state_dict(first.state_dict())
    values = [losses(output, LABELS)["center"] for losses in (first, second)]
    assert torch.equal(*values)
