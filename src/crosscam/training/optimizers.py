"""The optimiser of a recipe, and what each parameter learns by."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from crosscam.settings.training import Optimizer, Schedule
from crosscam.training.batches import Step
from crosscam.training.schedule import learning_rate


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that learn alike: by the schedule of this full rate, and with this decay."""

    parameters: tuple[nn.Parameter, ...]
    lr: float
    weight_decay: float


def parameter_groups(model: nn.Module, settings: Optimizer) -> tuple[ParameterGroup, ...]:
    """How the parameters of `model` learn by a recipe: all of them alike."""
    return (ParameterGroup(tuple(model.parameters()), settings.lr, settings.weight_decay),)


def create_optimizer(
    settings: Optimizer, groups: Sequence[ParameterGroup]
) -> torch.optim.Optimizer:
    """The optimiser of a recipe over groups of parameters, each with its own rate and decay."""
    own = [
        {"params": list(group.parameters), "lr": group.lr, "weight_decay": group.weight_decay}
        for group in groups
    ]
    if settings.name == "adam":
        return torch.optim.Adam(own, lr=settings.lr, amsgrad=settings.amsgrad)
    if settings.name == "adamw":
        return torch.optim.AdamW(own, lr=settings.lr, amsgrad=settings.amsgrad)
    return torch.optim.SGD(own, lr=settings.lr, momentum=settings.momentum)


def set_learning_rates(
    optimizer: torch.optim.Optimizer,
    groups: Sequence[ParameterGroup],
    schedule: Schedule,
    step: Step,
) -> float:
    """Give the optimiser's groups, made of `groups`, their rates of a step; returns the first's."""
    rates = [learning_rate(schedule, group.lr, step) for group in groups]
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["lr"] = rate
    return rates[0]
