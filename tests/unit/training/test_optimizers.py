"""Optimisers, and what each parameter learns by."""

import pytest
import torch

from crosscam.settings.training import Optimizer, Schedule
from crosscam.training.batches import Step
from crosscam.training.optimizers import (
    ParameterGroup,
    create_optimizer,
    parameter_groups,
    set_learning_rates,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_optimisers_take_their_settings(name, kind):
    settings = Optimizer(name=name, lr=0.1, weight_decay=0.01, momentum=0.8)
    model = torch.nn.Linear(2, 2)
    groups = parameter_groups(model, settings)
    assert groups == parameter_groups(model, settings)
    optimizer = create_optimizer(settings, groups)
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    assert group["params"] == list(model.parameters())
    assert (group["lr"], group["weight_decay"]) == (0.1, 0.01)
    assert group.get("momentum", 0.8) == 0.8


def test_each_group_has_its_own_rate_and_decay():
    settings = Optimizer(name="adamw", lr=0.1, weight_decay=0.01)
    one, other = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
    groups = (ParameterGroup((one,), 0.1, 0.01), ParameterGroup((other,), 0.5, 0.0))
    optimizer = create_optimizer(settings, groups)
    schedule = Schedule(epochs=4, kind="steps", milestones=(2,), gamma=0.1)
    assert set_learning_rates(optimizer, groups, schedule, Step(0, 0, 5)) == 0.1
    assert [group["lr"] for group in optimizer.param_groups] == [0.1, 0.5]
    set_learning_rates(optimizer, groups, schedule, Step(3, 1, 5))
    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.01, 0.05])
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.01, 0.0]
