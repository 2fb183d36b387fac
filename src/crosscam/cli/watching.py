"""Showing on standard error how far a command is."""

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from crosscam.cli.console import Screen
from crosscam.screen import printable
from crosscam.training.step_log import StepRecord
from crosscam.weights.downloads import OnBytes


class ConsoleWatcher:
    """Progress bars on a terminal, and a line an epoch; `title` comes before training."""

    def __init__(self, title: Sequence[str] = ()) -> None:
        self._title = title
        self._screen = Screen(stderr=True, soft_wrap=False)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            console=self._screen,
            transient=True,
            disable=not self._screen.is_terminal,
        )
        self._training: _TrainingSpeed | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def on_start(self, words: str) -> None:
        """Print the title and how training is done."""
        for line in (*self._title, words):
            self._screen.print(line, soft_wrap=True)

    def on_step(self, record: StepRecord) -> None:
        """Show the loss, the speed and the time left."""
        if self._training is None:
            total = record.epochs * record.step.iterations
            task = self._bars.add_task("training", total=total, detail="")
            self._training = _TrainingSpeed(task)
        speed = self._training
        speed.take(record)
        done = record.step.epoch * record.step.iterations + record.step.iteration + 1
        detail = f"loss {speed.loss:.3f}"
        if speed.images_per_second:
            detail += f", {speed.images_per_second:.0f} images/s"
        self._bars.update(speed.task, completed=done, detail=detail)
        if record.step.ends_epoch:
            if speed.images_per_second:
                detail += f", {clock(speed.seconds_left(record))} left"
            self._screen.print(f"epoch {record.step.epoch + 1}/{record.epochs}: {detail}")

    def on_images(self, what: str, total: int) -> Callable[[int], None]:
        """Show a bar of its own, with the images a second."""
        task = self._bars.add_task(printable(what), total=total, detail="images")

        def on_count(count: int) -> None:
            self._bars.advance(task, count)
            speed = next(each.speed for each in self._bars.tasks if each.id == task)
            detail = f"images, {speed:,.0f} a second" if speed else "images"
            self._bars.update(task, detail=detail)

        return on_count

    def on_download(self, what: str) -> OnBytes:
        """Say what is fetched, and show a bar of its own, once something is."""
        task: TaskID | None = None

        def on_bytes(done: int, total: int | None) -> None:
            nonlocal task
            if task is None:
                self._screen.print(f"fetching {what}")
                task = self._bars.add_task("fetching", detail="MB")
            whole = done if total is None else total
            self._bars.update(task, completed=done / 1e6, total=whole / 1e6)

        return on_bytes

    def on_note(self, note: str) -> None:
        """Print a line."""
        self._screen.print(f"crosscam: note: {note}", soft_wrap=True)


class _TrainingSpeed:
    """Running means over the last steps."""

    def __init__(self, task: TaskID) -> None:
        self.task = task
        self.loss = 0.0
        self.images_per_second = 0.0
        self._seconds_per_step = 0.0
        self._last = time.monotonic()
        self._steps = 0

    def take(self, record: StepRecord) -> None:
        """Take a step into the means."""
        now = time.monotonic()
        seconds, self._last = now - self._last, now
        self._steps += 1
        weight = max(0.05, 1 / self._steps)
        self.loss += weight * (sum(record.parts.values()) - self.loss)
        if self._steps > 1:  # the first step's time is not known
            weight = max(0.05, 1 / (self._steps - 1))
            self._seconds_per_step += weight * (seconds - self._seconds_per_step)
            self.images_per_second = record.images / max(self._seconds_per_step, 1e-9)

    def seconds_left(self, record: StepRecord) -> float:
        """How long the steps still to come will take."""
        steps = (record.epochs - record.step.epoch) * record.step.iterations
        return self._seconds_per_step * (steps - record.step.iteration - 1)


def clock(seconds: float) -> str:
    """Seconds as minutes or hours: "3:07", "2:03:07"."""
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
