"""The process of one cell: reads the job from standard input, trains and tests, says how far it is.

Each line of standard output is a JSON object, an event. When standard input ends, the process that
started this one is gone, and this one saves its state and stops, too.
"""

import _thread
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from crosscam.data.registry import load_dataset
from crosscam.errors import CrosscamError, Interrupted, RunError
from crosscam.experiment.run import run_experiment
from crosscam.recipe import parse_recipe
from crosscam.screen import printable
from crosscam.training.run_folder import RunFolder, locked
from crosscam.training.step_log import StepRecord
from crosscam.weights.downloads import OnBytes

FAILED, STOPPED = 1, 3
_EVERY_SECONDS = 0.5
_SAVING_SECONDS = 120.0


class EventWatcher:
    """A `Watcher` that says everything as events, not more often than someone can look."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._said_at = 0.0
        self._trained = _Speed()
        self._tested = _Speed()

    def say(self, **event: Any) -> None:
        """Write an event, if anybody still listens; if not, this process is about to be stopped."""
        with contextlib.suppress(BrokenPipeError):
            self._out.write(json.dumps(event) + "\n")
            self._out.flush()

    def on_start(self, words: str) -> None:
        """Say it as a note."""
        self.on_note(words)

    def on_step(self, record: StepRecord) -> None:
        """Say how far training is."""
        self._trained.take(record.images)
        step, now = record.step, time.monotonic()
        if now - self._said_at < _EVERY_SECONDS and not step.ends_epoch:
            return
        self._said_at = now
        self.say(
            event="step",
            epoch=step.epoch + 1,
            epochs=record.epochs,
            done=step.epoch * step.iterations + step.iteration + 1,
            total=record.epochs * step.iterations,
            ends_epoch=step.ends_epoch,
            loss=sum(record.parts.values()),
            images_per_second=self._trained.images_per_second,
        )

    def on_images(self, what: str, total: int) -> Callable[[int], None]:
        """Say how far testing is."""
        self._tested = _Speed()
        done = 0

        def on_batch(count: int) -> None:
            nonlocal done
            done += count
            self._tested.take(count)
            now = time.monotonic()
            if now - self._said_at >= _EVERY_SECONDS or done == total:
                self._said_at = now
                self.say(event="images", what=what, done=done, total=total)

        return on_batch

    def on_download(self, what: str) -> OnBytes:
        """Say what is fetched; the grid's own process fetches what several cells need."""

        def on_bytes(done: int, total: int | None) -> None:
            if done == total:
                self.say(event="note", note=f"fetched {what}")

        return on_bytes

    def on_note(self, note: str) -> None:
        """Say it."""
        self.say(event="note", note=note)

    def speeds(self) -> tuple[float | None, float | None]:
        """Images a second of training and of testing, None where too little was seen."""
        return self._trained.images_per_second, self._tested.images_per_second


class _Speed:
    """Images a second since the first batch, which is not counted: its time is not known."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._images = 0
        self.images_per_second: float | None = None

    def take(self, images: int) -> None:
        now = time.monotonic()
        if self._began is None:
            self._began = now
            return
        self._images += images
        self.images_per_second = self._images / max(now - self._began, 1e-9)


def run_job(job: dict[str, Any], watcher: EventWatcher) -> None:
    """Train and test a cell, or go on with it, and say its figures."""
    name, _, variant = job["data"].partition(":")
    recipe = parse_recipe(job["recipe_toml"], source=job["recipe"])
    dataset = load_dataset(
        name,
        job["root"],
        variant=variant or None,
        multi_query=recipe.test.multi_query is not None,
    )
    _wait_for_predecessor(RunFolder(Path(job["folder"])))
    started = time.monotonic()
    try:
        experiment = run_experiment(
            recipe,
            dataset,
            Path(job["folder"]),
            resume=job["resume"],
            with_baseline=False,
            watcher=watcher,
        )
    finally:
        watcher.say(event="spent", seconds=time.monotonic() - started)
    assert experiment.outcome is not None
    scores = experiment.outcome.scores
    environment = experiment.run.read_environment()
    training, testing = watcher.speeds()
    watcher.say(
        event="done",
        rank1=scores.cmc[0],
        mAP=scores.mAP,
        train_images_per_second=training,
        test_images_per_second=testing,
        device=environment["device_name"],
        threads=environment["threads"],
    )


def _wait_for_predecessor(run: RunFolder) -> None:
    """Wait while a process whose grid was killed saves this run's state."""
    deadline = time.monotonic() + _SAVING_SECONDS
    while run.recipe.exists():
        try:
            with locked(run):
                return
        except RunError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_EVERY_SECONDS)


def _stop_with_parent(asked: int) -> None:
    """Ask this process to stop when the pipe `asked` ends."""
    while os.read(asked, 4096):
        pass
    if sys.platform == "win32":  # where that would end it at once
        _thread.interrupt_main(signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGTERM)


def _read_line(asked: int) -> bytes:
    line = b""
    while not line.endswith(b"\n") and (more := os.read(asked, 1)):
        line += more
    return line


def main() -> int:
    """Run the job of standard input; returns the exit status."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints goes to the log
    # Not through sys.stdin, whose lock a waiting thread would hold when loaders are forked.
    asked = os.dup(0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    job = json.loads(_read_line(asked))
    threading.Thread(target=_stop_with_parent, args=[asked], daemon=True).start()
    watcher = EventWatcher(out)
    try:
        run_job(job, watcher)
    except Interrupted as stop:
        watcher.say(event="stopped", reason=str(stop))
        return STOPPED
    except (CrosscamError, OSError, MemoryError) as error:
        print(printable(str(error)), file=sys.stderr)  # noqa: T201
        watcher.say(event="failed", reason=str(error) or type(error).__name__)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
