"""The learning rate as a pure function of the step."""

import math

from crosscam.settings.training import Schedule
from crosscam.training.batches import Step


def learning_rate(schedule: Schedule, base: float, step: Step) -> float:
    """The learning rate of a step, where `base` is the full one.

    Under warm-up it rises linearly from 0.01 of `base`. Steps fall at whole epochs; a cosine falls
    smoothly from `base`, when warm-up ends, to 0 at the last epoch's end.
    """
    epochs_done = step.epochs_done
    if epochs_done < schedule.warmup_epochs:
        return base * (0.01 + 0.99 * epochs_done / schedule.warmup_epochs)
    if schedule.kind == "steps":
        passed = sum(milestone <= epochs_done for milestone in schedule.milestones)
        return base * schedule.gamma**passed
    length = max(schedule.epochs - schedule.warmup_epochs, 1e-12)
    done = min(1.0, (epochs_done - schedule.warmup_epochs) / length)
    return base * (1 + math.cos(math.pi * done)) / 2
