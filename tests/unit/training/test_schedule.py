"""The learning rate over time."""

import importlib

import pytest
import torch
from pydantic import ValidationError
from timm_models import import_timm

from crosscam.errors import RecipeError
from crosscam.recipe import load_recipe
from crosscam.settings.training import Schedule
from crosscam.training.batches import Step
from crosscam.training.schedule import learning_rate


def rate(schedule, base, epochs_done):
    """The rate after so many epochs of 100 steps."""
    epoch, iteration = divmod(round(100 * epochs_done), 100)
    return learning_rate(schedule, base, Step(epoch, iteration, 100))


def rates(schedule, base, *, iterations, floor=0.0):
    """The rate of every step."""
    return [
        learning_rate(schedule, base, step, steps_done=done, floor=floor)
        for done, step in enumerate(
            Step(epoch, iteration, iterations)
            for epoch in range(schedule.epochs)
            for iteration in range(iterations)
        )
    ]


def stepped(scheduler, steps):
    """The rate of every step of one of PyTorch's schedulers."""
    found = []
    for _ in range(steps):
        found.append(scheduler.get_last_lr()[0])
        scheduler.optimizer.step()
        scheduler.step()
    return found


def an_optimizer(lr):
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def test_published_steps_fall_after_epochs_20_and_40():
    schedule = Schedule(epochs=60, kind="steps", milestones=(20, 40), gamma=0.1)
    rates = [rate(schedule, 3e-4, epoch) for epoch in (0, 19.99, 20, 39.99, 40, 59.99)]
    assert rates == pytest.approx([3e-4, 3e-4, 3e-5, 3e-5, 3e-6, 3e-6])


def test_steps_are_those_of_pytorchs_scheduler():
    schedule = Schedule(epochs=12, kind="steps", milestones=(3, 7), gamma=0.5)
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.8)
    theirs = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 7], gamma=0.5)
    for epoch in range(12):
        assert rate(schedule, 0.8, epoch) == pytest.approx(theirs.get_last_lr()[0])
        optimizer.step()
        theirs.step()


def test_a_cosine_falls_to_nothing():
    schedule = Schedule(epochs=10, kind="cosine")
    assert rate(schedule, 1.0, 0) == 1
    assert rate(schedule, 1.0, 5) == pytest.approx(0.5)
    assert rate(schedule, 1.0, 10) == pytest.approx(0)


@pytest.mark.parametrize("kind", ["steps", "cosine"])
def test_warm_up_rises_to_the_full_rate(kind):
    schedule = Schedule(epochs=10, kind=kind, warmup_epochs=4)
    assert rate(schedule, 1.0, 0) == pytest.approx(0.01)
    assert rate(schedule, 1.0, 2) == pytest.approx(0.505)
    assert rate(schedule, 1.0, 4) == pytest.approx(1)


@pytest.mark.parametrize("unit", ["steps", "epochs"])
def test_warm_up_then_steps_are_pytorchs(unit):
    """By the step, and as warm-up by the epoch is where the rate is the same within one."""
    each = 5 if unit == "steps" else 1
    chosen = {"warmup_steps": 8} if unit == "steps" else {"warmup_epochs": 8}
    schedule = Schedule(
        epochs=12,
        kind="steps",
        milestones=(9, 11),
        gamma=0.3,
        warmup_from=0.1,
        **{**chosen, "rate_at": "epoch-start"},
    )
    optimizer = an_optimizer(0.5)
    parts = (
        torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1.0, total_iters=8),
        torch.optim.lr_scheduler.MultiStepLR(
            optimizer, [each * milestone - 8 for milestone in (9, 11)], gamma=0.3
        ),
    )
    both = torch.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones=[8])
    expected = stepped(both, 12 * each)
    assert rates(schedule, 0.5, iterations=each) == pytest.approx(expected, rel=1e-6)
    if unit == "epochs":
        found = rates(schedule, 0.5, iterations=3)
        assert found == pytest.approx([rate for rate in expected for _ in range(3)], rel=1e-6)


def test_warm_up_then_a_cosine_is_pytorchs():
    schedule = Schedule(epochs=10, kind="cosine", warmup_epochs=3, warmup_from=0.2, floor=0.01)
    optimizer = an_optimizer(0.5)
    parts = (
        torch.optim.lr_scheduler.LinearLR(optimizer, 0.2, 1.0, total_iters=12),
        torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 28, eta_min=0.01),
    )
    both = torch.optim.lr_scheduler.SequentialLR(optimizer, parts, milestones=[12])
    found = rates(schedule, 0.5, iterations=4, floor=0.02)
    assert found == pytest.approx(stepped(both, 40), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("rate_at", ["epoch-start", "epoch-end"])
def test_a_cosine_under_its_warm_up_is_timms(rate_at):
    """As TransReID has it, whose epochs count from 1, so that the last has the floor itself."""
    import_timm()
    theirs = importlib.import_module("timm.scheduler").CosineLRScheduler(
        an_optimizer(0.008),
        t_initial=120,
        lr_min=1.6e-5,
        warmup_lr_init=8e-5,
        warmup_t=5,
    )
    schedule = Schedule(
        epochs=120,
        kind="cosine",
        warmup_epochs=5,
        flat_epochs=0.0,
        floor=1.6e-5,
        rate_at=rate_at,
    )
    first = 0 if rate_at == "epoch-start" else 1
    expected = [theirs._get_lr(epoch)[0] for epoch in range(first, 120 + first)]
    found = rates(schedule, 0.008, iterations=2, floor=0.002)
    assert found == pytest.approx([rate for rate in expected for _ in range(2)], rel=1e-9)


def test_the_schedule_of_fastreids_strong_baseline():
    """Its numbers: 60 epochs of 202 steps, warmed up for 2000 of them, flat for 30 epochs.

    What fast-reid at c9bc3ceb gives for `configs/Base-SBS.yml` on Market-1501, by its own
    `build_lr_scheduler` in the order of its hooks.
    """
    schedule = Schedule(
        epochs=60,
        kind="cosine",
        flat_epochs=30.0,
        floor=7e-7,
        warmup_steps=2000,
        warmup_from=0.1,
        rate_at="epoch-start",
    )
    found = rates(schedule, 3.5e-4, iterations=202, floor=7e-7 / 3.5e-4)
    for step, rate in ((0, 3.5e-5), (500, 1.1375e-4), (1999, 3.498425e-4), (2000, 3.5e-4)):
        assert found[step] == pytest.approx(rate)
    epochs = [found[202 * epoch : 202 * (epoch + 1)] for epoch in range(60)]
    assert all(len(set(epoch)) == 1 for epoch in epochs[10:])
    for epoch, rate in ((30, 3.5e-4), (31, 3.490432490e-4), (45, 1.7535e-4), (59, 1.656750974e-6)):
        assert epochs[epoch][0] == pytest.approx(rate, rel=1e-8)


def test_the_schedule_of_the_strong_baseline():
    """What reid-strong-baseline at 3da7e6f0 gives by its own `WarmupMultiStepLR`, epoch by epoch.

    It is stepped as an epoch begins, so the first epoch has the second rate.
    """
    schedule = Schedule(
        epochs=120,
        kind="steps",
        milestones=(40, 70),
        gamma=0.1,
        warmup_epochs=10,
        rate_at="epoch-end",
    )
    found = rates(schedule, 3.5e-4, iterations=3)
    expected = {0: 3.815e-5, 1: 7.28e-5, 8: 3.1535e-4, 9: 3.5e-4, 38: 3.5e-4, 39: 3.5e-5}
    for epoch, rate in {**expected, 68: 3.5e-5, 69: 3.5e-6, 119: 3.5e-6}.items():
        assert found[3 * epoch : 3 * epoch + 3] == pytest.approx([rate] * 3, rel=1e-9)


def test_warm_up_may_be_all_there_is():
    schedule = Schedule(epochs=2, kind="cosine", warmup_epochs=3)
    assert 0 < rate(schedule, 1.0, 1.9) < 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"warmup_epochs": 1.0, "warmup_steps": 5}, "warmup_epochs and warmup_steps are both set"),
        ({"frozen_epochs": 1, "frozen_steps": 5}, "frozen_epochs and frozen_steps are both set"),
        ({"warmup_steps": 5}, "warmup_steps do not say .* set flat_epochs"),
        ({"flat_epochs": 4.0}, "flat_epochs is 4 of 4 epochs"),
        ({"kind": "steps", "floor": 0.1}, 'flat_epochs and floor need kind = "cosine"'),
        ({"kind": "steps", "flat_epochs": 0.0}, 'flat_epochs and floor need kind = "cosine"'),
        ({"warmup_from": 1.5}, "warmup_from"),
        ({"rate_at": "epoch"}, "rate_at"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Schedule(**{"epochs": 4, "kind": "cosine", **changes})


def test_a_floor_lies_below_the_rate():
    settings = ["schedule.kind=cosine", "schedule.milestones=[]", "schedule.floor=1.0"]
    with pytest.raises(RecipeError, match=r"schedule\.floor is 1, which optimizer\.lr, 0\.0003"):
        load_recipe("resnet50-xent", settings)
