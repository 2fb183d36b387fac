"""The learning rate, and what of a model learns, as pure functions of the step."""

import math

from crosscam.settings.training import Schedule
from crosscam.training.batches import Step


def learning_rate(
    schedule: Schedule, base: float, step: Step, *, steps_done: int = 0, floor: float = 0.0
) -> float:
    """The learning rate of a step, where `base` is the full one.

    Under warm-up it rises linearly from `warmup_from` of `base`. Steps fall at whole epochs; a
    cosine falls smoothly from `base`, when warm-up ends or after `flat_epochs`, to `floor` of
    `base`, a share in [0, 1), at the last epoch's end (Loshchilov and Hutter, ICLR 2017).
    `steps_done` are all steps before this one, which `warmup_steps` are counted by.
    """
    epochs_done = _epochs_done(schedule, step)
    done: float = steps_done if schedule.warmup_steps else epochs_done
    length: float = schedule.warmup_steps or schedule.warmup_epochs
    if done < length:
        return base * (schedule.warmup_from + (1 - schedule.warmup_from) * done / length)
    if schedule.kind == "steps":
        passed = sum(milestone <= epochs_done for milestone in schedule.milestones)
        return base * schedule.gamma**passed
    start = schedule.warmup_epochs if schedule.flat_epochs is None else schedule.flat_epochs
    fallen = (epochs_done - start) / max(schedule.epochs - start, 1e-12)
    fallen = min(1.0, max(0.0, fallen))
    return base * (floor + (1 - floor) * (1 + math.cos(math.pi * fallen)) / 2)


def is_frozen(schedule: Schedule, step: Step, *, steps_done: int) -> bool:
    """Whether the model's end alone learns in a step, before which lie `steps_done`."""
    return step.epoch < schedule.frozen_epochs or steps_done < schedule.frozen_steps


def _epochs_done(schedule: Schedule, step: Step) -> float:
    """How much of training counts as done for the rate, in epochs."""
    if schedule.rate_at == "step":
        return step.epochs_done
    return float(step.epoch if schedule.rate_at == "epoch-start" else step.epoch + 1)
