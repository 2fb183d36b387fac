"""Hearing Ctrl-C, SIGTERM and SIGHUP where they do no harm: between two steps, not within one."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

from crosscam.errors import Interrupted

_IMPATIENT_SECONDS = 1.0
_HANGUP = getattr(signal, "SIGHUP", None)  # Windows has none


class StopRequest:
    """While entered, the first SIGINT, SIGTERM or SIGHUP is noted in `signal_number`.

    A Ctrl-C more than a second after it raises `KeyboardInterrupt` at once; what a scheduler or a
    terminal sends twice is one request. A SIGHUP that is ignored, as under nohup, stays ignored;
    after one, what would be written to a terminal that is gone is dropped. Signals reach only the
    main thread of a program: entered elsewhere it notes nothing.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._noted_at = 0.0
        self._at_once: str | None = None
        self._before: dict[int, Any] = {}
        self._terminals: list[int] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self
        for number in (signal.SIGINT, signal.SIGTERM, _HANGUP):
            if number is None:
                continue
            if number == _HANGUP and signal.getsignal(number) == signal.SIG_IGN:
                continue
            self._before[number] = signal.signal(number, self._note)
        self._terminals = _terminals()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def obey(self, where: str) -> None:
        """Raise `Interrupted`, saying where, if a signal has asked for it."""
        if self.signal_number is not None:
            raise Interrupted(f"stopped {where}", self.signal_number)

    @contextmanager
    def at_once(self, where: str) -> Iterator[None]:
        """While entered, a signal raises `Interrupted`, saying where, in the middle of anything.

        For what waits long and can be left at any moment, such as a download.
        """
        self.obey(where)
        self._at_once = where
        try:
            yield
        finally:
            self._at_once = None

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == _HANGUP:
            self._drop_lost_terminals()
        if self.signal_number is None:
            self.signal_number, self._noted_at = number, time.monotonic()
            if self._at_once is not None:
                self.obey(self._at_once)
        elif number == signal.SIGINT and time.monotonic() - self._noted_at > _IMPATIENT_SECONDS:
            raise KeyboardInterrupt

    def _drop_lost_terminals(self) -> None:
        """Let nothing fail for want of a terminal, least of all before the state is saved."""
        for descriptor in self._terminals:
            if not os.isatty(descriptor):
                nowhere = os.open(os.devnull, os.O_RDWR)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)


def _terminals() -> list[int]:
    """The descriptors of standard input, output and error that are terminals."""
    found = []
    for stream in (sys.__stdin__, sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None and os.isatty(stream.fileno()):
                found.append(stream.fileno())
        except (OSError, ValueError):  # closed, or no file at all
            continue
    return found
