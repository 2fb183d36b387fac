"""Who is told how far an experiment is."""

import warnings
from collections.abc import Callable
from typing import Protocol

from crosscam.errors import CrosscamWarning
from crosscam.training.step_log import StepRecord
from crosscam.weights.downloads import OnBytes


class Watcher(Protocol):
    """Somebody who is told how far an experiment is."""

    def on_start(self, words: str) -> None:
        """Training begins, or goes on; `words` say where, with which threads and arithmetic."""

    def on_step(self, record: StepRecord) -> None:
        """A step of training was made."""

    def on_images(self, what: str, total: int) -> Callable[[int], None]:
        """`total` images are about to be looked at; returns what to tell how many were."""

    def on_download(self, what: str) -> OnBytes:
        """`what` may have to be fetched; returns what to tell how many bytes are here, of how many.

        It is not called where nothing is fetched; the whole is None where it is not known.
        """

    def on_note(self, note: str) -> None:
        """Something that the user should know."""


class SilentWatcher:
    """A `Watcher` that passes notes on as warnings, and nothing else."""

    def on_start(self, words: str) -> None:
        """Say nothing."""

    def on_step(self, record: StepRecord) -> None:
        """Say nothing."""

    def on_images(self, what: str, total: int) -> Callable[[int], None]:
        """Say nothing."""
        _ = what, total
        return lambda _count: None

    def on_download(self, what: str) -> OnBytes:
        """Say nothing."""
        _ = what
        return lambda _done, _total: None

    def on_note(self, note: str) -> None:
        """Warn."""
        warnings.warn(note, CrosscamWarning, stacklevel=2)
