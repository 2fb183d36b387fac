"""Showing how far a grid is: a bar for each cell that runs, one for all, and lines for the rest."""

import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from crosscam.cli.console import Screen
from crosscam.cli.watching import clock
from crosscam.grid.cells import CellRecord
from crosscam.grid.launching import Event


class GridProgress:
    """A `GridWatcher` on standard error; `seconds` are estimates of the cells to be run, by name.

    Time left is corrected by how fast the cells that run really are.
    """

    def __init__(self, seconds: Mapping[str, float], jobs: int) -> None:
        self._left = dict(seconds)
        self._jobs = jobs
        self._total = len(seconds)
        self._ended = 0
        self._lock = threading.Lock()
        self._screen = Screen(stderr=True, soft_wrap=False)
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TextColumn("{task.fields[detail]}", markup=False),
            console=self._screen,
            transient=True,
            disable=not self._screen.is_terminal,
        )
        self._all = self._bars.add_task("cells", total=self._total, detail="")
        self._tasks: dict[str, TaskID] = {}
        self._speeds: dict[str, tuple[float, float]] = {}

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

    def on_event(self, name: str, event: Event) -> None:
        """Move a cell's bar; print a line an epoch."""
        with self._lock:
            match event.get("event"):
                case "step":
                    self._on_step(name, event)
                case "images":
                    task = self._task(name)
                    self._bars.update(
                        task, completed=event["done"], total=event["total"], detail=event["what"]
                    )
                case "note":
                    self._screen.print(f"{name}: note: {event['note']}", soft_wrap=True)

    def on_end(self, name: str, record: CellRecord) -> None:
        """Print how a cell ended, and how far all are."""
        with self._lock:
            self._ended += 1
            self._left[name] = 0.0
            if name in self._tasks:
                self._bars.remove_task(self._tasks.pop(name))
            what = "done" if record.status == "done" else f"FAILED: {record.reason}"
            left = clock(self._seconds_left())
            self._bars.update(self._all, completed=self._ended, detail=f"about {left} left")
            self._screen.print(
                f"{name}: {what} ({self._ended} of {self._total} cells, about {left} left)",
                soft_wrap=True,
            )

    def _on_step(self, name: str, event: Event) -> None:
        now = time.monotonic()
        first_time, first_done = self._speeds.setdefault(name, (now, event["done"]))
        if event["done"] > first_done:
            seconds = (now - first_time) / (event["done"] - first_done)
            self._left[name] = seconds * (event["total"] - event["done"])
        speed = event["images_per_second"]
        detail = f"loss {event['loss']:.3f}" + (f", {speed:.0f} images/s" if speed else "")
        self._bars.update(
            self._task(name), completed=event["done"], total=event["total"], detail=detail
        )
        left = clock(self._seconds_left())
        self._bars.update(self._all, detail=f"about {left} left")
        if event["ends_epoch"]:
            self._screen.print(
                f"{name}: epoch {event['epoch']}/{event['epochs']}: {detail}; "
                f"all cells: about {left} left",
                soft_wrap=True,
            )

    def _task(self, name: str) -> TaskID:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=1, detail="")
        return self._tasks[name]

    def _seconds_left(self) -> float:
        return max(sum(self._left.values()) / self._jobs, max(self._left.values(), default=0.0))
