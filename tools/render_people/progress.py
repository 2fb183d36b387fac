"""Showing how far a set is: a bar on a terminal, else a line now and then, on standard error."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

_SECONDS_BETWEEN_LINES = 30.0


class RenderProgress:
    """Images done, images a second since the first came, and the time left."""

    def __init__(self, total: int, done: int) -> None:
        self._total, self._done = total, done
        self._first: tuple[float, int] | None = None  # when the first came, and how many were done
        self._said = time.monotonic()
        self._console = Console(stderr=True, highlight=False, markup=False)
        columns = (BarColumn(bar_width=30), TextColumn("{task.fields[detail]}"))
        self._bars = Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        )
        self._task = self._bars.add_task("", total=total, completed=done, detail="loading")

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

    @property
    def rate(self) -> float:
        """Images a second, without the time to load; 0 while it is not known."""
        if self._first is None:
            return 0.0
        started, before = self._first
        return (self._done - before) / max(time.monotonic() - started, 1e-9)

    def say(self, line: str) -> None:
        """Print a line."""
        self._console.print(line, soft_wrap=True)

    def add(self, images: int) -> None:
        """So many more are written."""
        now = time.monotonic()
        self._done += images
        if self._first is None:  # loading is not rendering
            self._first = now, self._done
        detail = f"{self._done}/{self._total} images"
        if self.rate:
            left = _clock((self._total - self._done) / self.rate)
            detail += f", {self.rate:.1f} images/s, {left} left"
        self._bars.update(self._task, completed=self._done, detail=detail)
        if self._bars.disable and now - self._said > _SECONDS_BETWEEN_LINES:
            self._said = now
            self.say(detail)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return (
        f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"
    )
