"""A run's folder: what is in it, and making it so that a kill leaves all of it or nothing."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from crosscam.errors import RunError, WeightsError
from crosscam.files import (
    making_folder,
    remove_leftovers,
    remove_unmade,
    replacing,
    unmade,
    write_text,
)
from crosscam.recipe import Recipe
from crosscam.weights.reading import load_tensors
from crosscam.weights.saved import CARD_FILE

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]


@dataclass(frozen=True)
class RunFolder:
    """The paths of a run."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The recipe, every setting spelled out."""
        return self.path / "recipe.toml"

    @property
    def environment(self) -> Path:
        """What the run was computed with."""
        return self.path / "environment.json"

    @property
    def log(self) -> Path:
        """A JSON object a line: every step, every epoch."""
        return self.path / "log.jsonl"

    @property
    def checkpoint(self) -> Path:
        """The state to resume from."""
        return self.path / "last.pt"

    @property
    def report(self) -> Path:
        """The page to look at."""
        return self.path / "report.html"

    @property
    def unaveraged(self) -> Path:
        """The folder of the weights that are not averaged, a model with its card, if asked for."""
        return self.path / "unaveraged"

    @property
    def failures(self) -> Path:
        """The folder of the page that shows what the model gets wrong."""
        return self.path / "failures"

    def read_environment(self) -> dict[str, Any]:
        """The content of `environment.json`. Raises `RunError` if it is not there or broken."""
        try:
            content = json.loads(self.environment.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunError(f"{self.environment} cannot be read: {error}") from None
        if not isinstance(content, dict):
            raise RunError(f"{self.environment} is broken: it holds no JSON object")
        return content


def refuse_used(folder: Path) -> None:
    """Raise `RunError` unless a new run can be made at `folder`: not there yet, or empty."""
    if folder.resolve() == Path.cwd():
        raise RunError("the current folder cannot be a run's; give --out the name of a new one")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(
            f"{folder} is not empty; give --out another folder, or go on with a run: "
            f"crosscam resume {folder}"
        )


def was_killed_before_it_began(folder: Path) -> bool:
    """Whether a run was killed here while its folder was being made, so that there is none."""
    return not folder.exists() and bool(unmade(folder))


def create_run(folder: Path, recipe: Recipe, environment: Mapping[str, Any]) -> None:
    """A new run's folder with its recipe and environment in it.

    It is filled beside its place and renamed, so it is never there without them. Raises `RunError`
    if `folder` is there and not empty.
    """
    refuse_used(folder)
    with making_folder(folder) as beside:
        run = RunFolder(beside)
        write_text(run.recipe, recipe.to_toml())
        write_text(run.environment, json.dumps(environment, indent=2) + "\n")


@contextmanager
def locked(run: RunFolder) -> Iterator[None]:
    """While entered, no other process can enter the same run, where the system has file locks.

    Raises `RunError` if one has already. The lock is the process's own, not its workers', and ends
    with it however it ends.
    """
    if fcntl is None:
        yield
        return
    with run.recipe.open("rb+") as held:
        try:
            fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise RunError(
                f"{run.path} is being trained by another process; wait for it, or stop it first"
            ) from None
        yield


def is_finished(folder: Path) -> bool:
    """Whether the run in `folder` was trained, and tested where its data have a test."""
    try:
        card = json.loads((folder / CARD_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(card, dict) and not card.get("test_pending", False)


def tidy(run: RunFolder) -> None:
    """Remove what a killed process left half-written in a run's folder, and beside it."""
    remove_leftovers(run.path)
    remove_leftovers(run.unaveraged)
    remove_unmade(run.path)


def save_checkpoint(run: RunFolder, state: Mapping[str, Any]) -> None:
    """Replace the run's checkpoint, whole or not at all."""
    with replacing(run.checkpoint) as beside:
        try:
            torch.save(dict(state), beside)
        except RuntimeError as error:  # which is how torch says that a file cannot be written
            raise OSError(f"cannot write {run.checkpoint}: {error}; is the disk full?") from None


def load_checkpoint(run: RunFolder) -> dict[str, Any] | None:
    """The state that was saved last, on the CPU; None if the run was stopped before the first.

    Nothing in the file is executed. Raises `RunError` if it is broken or no checkpoint of crosscam.
    """
    if not run.checkpoint.exists():
        return None
    try:
        state = load_tensors(run.checkpoint)
    except WeightsError:
        state = None
    if not isinstance(state, dict) or state.keys() - LATER_KEYS != STATE_KEYS:
        raise RunError(
            f"{run.checkpoint} is broken, or no checkpoint of crosscam; "
            "remove it to start this run anew"
        )
    return state


STATE_KEYS = {"model", "optimizer", "next_step", "log_bytes", "best"}
# Which older checkpoints do not have, or not those of every recipe.
LATER_KEYS = {"losses", "average", "loss_optimizers", "steps_done"}
