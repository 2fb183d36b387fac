"""What each step did, read from the device now and then, and written to the log."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

import torch
from torch import Tensor

from crosscam.errors import TrainingError
from crosscam.training.batches import Step

EVERY_ON_GPU = 10  # steps between two readings, each of which waits for the device


@dataclass(frozen=True)
class StepRecord:
    """What a step did: the loss by part, the learning rate, how many pictures, of which epochs."""

    step: Step
    epochs: int
    parts: dict[str, float]
    lr: float
    images: int


@dataclass(frozen=True)
class _Unread:
    step: Step
    parts: Mapping[str, Tensor]
    lr: float
    images: int
    time: float


class StepLog:
    """A line of JSON a step in `file`, of steps whose losses are read `every` so many at once."""

    def __init__(self, file: TextIO, *, epochs: int, every: int) -> None:
        self._file = file
        self._epochs = epochs
        self._every = every
        self._unread: list[_Unread] = []

    @property
    def is_due(self) -> bool:
        """Whether as many steps are unread as should be."""
        return len(self._unread) >= self._every

    def take(self, step: Step, parts: Mapping[str, Tensor], *, lr: float, images: int) -> None:
        """A step was made; its parts of the loss, scalars, stay where they are."""
        self._unread.append(_Unread(step, parts, lr, images, time.time()))

    def read(self) -> list[StepRecord]:
        """Read the losses of all unread steps at once, write their lines, and tell of them.

        Raises `TrainingError` for the first step whose loss is not finite, of which, and of those
        after it, nothing is written.
        """
        unread, self._unread = self._unread, []
        if not unread:
            return []
        losses = [part for step in unread for part in step.parts.values()]
        values = iter(torch.stack(losses).tolist())
        records = []
        for made in unread:
            record = StepRecord(
                made.step,
                self._epochs,
                {name: next(values) for name in made.parts},
                made.lr,
                made.images,
            )
            _refuse_infinite(record)
            self._write(record, made.time)
            records.append(record)
        return records

    def write(self, line: Mapping[str, object]) -> None:
        """Write a line of another kind."""
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def _write(self, record: StepRecord, moment: float) -> None:
        self.write(
            {
                "epoch": record.step.epoch + 1,
                "step": record.step.iteration + 1,
                "steps": record.step.iterations,
                "loss": sum(record.parts.values()),
                **record.parts,
                "lr": record.lr,
                "time": round(moment, 3),
            }
        )


def _refuse_infinite(record: StepRecord) -> None:
    for name, value in record.parts.items():
        if not math.isfinite(value):
            step = record.step
            raise TrainingError(
                f"the {name} loss is {value} in epoch {step.epoch + 1}, step {step.iteration + 1}: "
                "training has diverged; lower optimizer.lr or raise schedule.warmup_epochs"
            )
