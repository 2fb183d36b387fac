"""The optimisers of a recipe, and what each parameter learns by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from crosscam.errors import RecipeError
from crosscam.losses.weighted import WeightedLosses
from crosscam.models.base import ReIDModel
from crosscam.settings.losses import Center
from crosscam.settings.training import Optimizer, Schedule
from crosscam.training.batches import Step
from crosscam.training.schedule import learning_rate


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters that learn alike: by the schedule of this full rate, and with this decay."""

    parameters: tuple[nn.Parameter, ...]
    lr: float
    weight_decay: float


def parameter_groups(model: ReIDModel, settings: Optimizer) -> tuple[ParameterGroup, ...]:
    """How the parameters of `model` learn by a recipe: all alike, or by what they are.

    A parameter whose name ends in "bias" is a bias, that of a BatchNorm or LayerNorm, too. Factors
    multiply: of the model's end, of a bias, and of the depth of a layer. All else about weights,
    of normalisations, tokens and positions, is as for any other weight. Raises `RecipeError` for a
    `layer_decay` where the model does not know how deep its layers are.
    """
    if not _differ(settings):
        return (ParameterGroup(tuple(model.parameters()), settings.lr, settings.weight_decay),)
    depths = {name: model.depth_of(name) for name, _ in model.named_parameters()}
    last = max(depths.values())
    if settings.layer_decay < 1 and last == 0:
        raise RecipeError(
            "optimizer.layer_decay needs a model that knows how deep its layers are, as vit_base, "
            "resnet50 and timm's do, and this one does not; leave it out"
        )
    alike: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        is_end, is_bias = name.startswith(model.head_names), name.endswith("bias")
        rate = settings.lr * settings.layer_decay ** (last - depths[name])
        rate *= (settings.head_lr if is_end else 1) * (settings.bias_lr if is_bias else 1)
        decay = settings.weight_decay
        if is_bias and settings.bias_weight_decay is not None:
            decay = settings.bias_weight_decay
        alike.setdefault((rate, decay), []).append(parameter)
    return tuple(
        ParameterGroup(tuple(parameters), rate, decay)
        for (rate, decay), parameters in alike.items()
    )


def _differ(settings: Optimizer) -> bool:
    factors = (settings.head_lr, settings.bias_lr, settings.layer_decay)
    return any(factor != 1 for factor in factors) or settings.bias_weight_decay is not None


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
    return torch.optim.SGD(
        own, lr=settings.lr, momentum=settings.momentum, nesterov=settings.nesterov
    )


class Optimizers:
    """All that moves what is learned: the recipe's optimiser, and those of losses that have one.

    A loss with a rate of its own, such as center loss, has what it learns moved by plain SGD at
    that rate, which is constant; its gradients are divided by its weight before, so that the
    weight is for the model alone (Luo et al., CVPRW 2019, as their code does it).
    """

    def __init__(self, model: ReIDModel, losses: WeightedLosses, settings: Optimizer) -> None:
        self.settings = settings
        self.groups = parameter_groups(model, settings)
        self.main = create_optimizer(settings, self.groups)
        self.weights = {part.name: part.weight for part in losses.settings}
        self.own = {
            part.name: torch.optim.SGD(losses.parts[part.name].parameters(), lr=part.lr)
            for part in losses.settings
            if isinstance(part, Center)
        }

    def set_rates(self, schedule: Schedule, step: Step, *, steps_done: int) -> float:
        """Give all groups their rates of a step; returns that which factors are shares of."""
        full = self.settings.lr
        floor = schedule.floor / full
        for group, own in zip(self.main.param_groups, self.groups, strict=True):
            group["lr"] = learning_rate(schedule, own.lr, step, steps_done=steps_done, floor=floor)
        return learning_rate(schedule, full, step, steps_done=steps_done, floor=floor)

    def zero_grad(self) -> None:
        """Forget the gradients of the step before."""
        for optimizer in (self.main, *self.own.values()):
            optimizer.zero_grad()

    def step(self) -> None:
        """Move all that is learned by the gradients that it has; those are used up by it."""
        if self.settings.clip_norm is not None:
            parameters = [one for group in self.groups for one in group.parameters]
            torch.nn.utils.clip_grad_norm_(parameters, self.settings.clip_norm)
        self.main.step()
        for name, optimizer in self.own.items():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    parameter.grad.mul_(1 / self.weights[name])
            optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """What has to be kept to go on; the losses' part only where there is one."""
        own = {name: optimizer.state_dict() for name, optimizer in self.own.items()}
        return {"optimizer": self.main.state_dict()} | ({"loss_optimizers": own} if own else {})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with what `state_dict` gave."""
        self.main.load_state_dict(state["optimizer"])
        for name, optimizer in self.own.items():
            optimizer.load_state_dict(state["loss_optimizers"][name])
