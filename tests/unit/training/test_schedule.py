"""The learning rate over time."""

import pytest
import torch

from crosscam.settings.training import Schedule
from crosscam.training.batches import Step
from crosscam.training.schedule import learning_rate


def rate(schedule, base, epochs_done):
    """The rate after so many epochs of 100 steps."""
    epoch, iteration = divmod(round(100 * epochs_done), 100)
    return learning_rate(schedule, base, Step(epoch, iteration, 100))


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


def test_warm_up_may_be_all_there_is():
    schedule = Schedule(epochs=2, kind="cosine", warmup_epochs=3)
    assert 0 < rate(schedule, 1.0, 1.9) < 1
