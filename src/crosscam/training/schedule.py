"""The optimiser of a recipe, and its learning rate as a pure function of how far training is."""

import math

import torch
from torch import nn

from crosscam import recipe


def learning_rate(schedule: recipe.Schedule, base: float, epochs_done: float) -> float:
    """The learning rate after `epochs_done` epochs, a fraction within an epoch included.

    Under warm-up it rises linearly from 0.01 of `base`. Steps fall at whole epochs; a cosine falls
    smoothly from `base`, when warm-up ends, to 0 at the last epoch's end.
    """
    if epochs_done < schedule.warmup_epochs:
        return base * (0.01 + 0.99 * epochs_done / schedule.warmup_epochs)
    if schedule.kind == "steps":
        passed = sum(milestone <= epochs_done for milestone in schedule.milestones)
        return base * schedule.gamma**passed
    length = max(schedule.epochs - schedule.warmup_epochs, 1e-12)
    done = min(1.0, (epochs_done - schedule.warmup_epochs) / length)
    return base * (1 + math.cos(math.pi * done)) / 2


def create_optimizer(settings: recipe.Optimizer, model: nn.Module) -> torch.optim.Optimizer:
    """The optimiser over all parameters of `model`."""
    parameters, lr, decay = model.parameters(), settings.lr, settings.weight_decay
    if settings.name == "adam":
        return torch.optim.Adam(parameters, lr=lr, weight_decay=decay, amsgrad=settings.amsgrad)
    if settings.name == "adamw":
        return torch.optim.AdamW(parameters, lr=lr, weight_decay=decay, amsgrad=settings.amsgrad)
    return torch.optim.SGD(parameters, lr=lr, weight_decay=decay, momentum=settings.momentum)
