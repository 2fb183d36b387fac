"""Losses are read now and then; every step has its line; what is not finite is told in time."""

import io
import json

import pytest
import torch

from crosscam.errors import TrainingError
from crosscam.training.batches import Step
from crosscam.training.step_log import StepLog


def taken(log, values):
    for iteration, value in enumerate(values):
        parts = {"xent": torch.tensor(value), "triplet": torch.tensor(2 * value)}
        log.take(Step(1, iteration, 9), parts, lr=0.1, images=4)


@pytest.mark.parametrize("every", [1, 3])
def test_every_step_has_its_line_however_many_are_read_at_once(every):
    file = io.StringIO()
    log = StepLog(file, epochs=5, every=every)
    records = []
    for iteration in range(7):
        log.take(Step(1, iteration, 9), {"xent": torch.tensor(0.5)}, lr=0.1, images=4)
        assert log.is_due == ((iteration + 1) % every == 0)
        records += log.read() if log.is_due else []
    records += log.read()
    assert log.read() == []
    assert [record.step.iteration for record in records] == list(range(7))
    assert {record.images for record in records} == {4}
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 8))
    assert lines[0] == {
        "epoch": 2,
        "step": 1,
        "steps": 9,
        "loss": 0.5,
        "xent": 0.5,
        "lr": 0.1,
        "time": lines[0]["time"],
    }


def test_the_first_loss_that_is_not_finite_is_named_and_not_written():
    file = io.StringIO()
    log = StepLog(file, epochs=5, every=4)
    taken(log, [1.0, float("inf"), float("nan"), 1.0])
    with pytest.raises(TrainingError, match="xent loss is inf in epoch 2, step 2: training has"):
        log.read()
    assert [json.loads(line)["loss"] for line in file.getvalue().splitlines()] == [3.0]
