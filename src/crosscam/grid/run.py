"""Training the cells of a grid that are still to be done, and keeping their records."""

import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from crosscam.devices import count_processors
from crosscam.grid.cells import CellRecord, write_record
from crosscam.grid.launching import Event, Job, Launch
from crosscam.grid.planning import Planned
from crosscam.recipe import Recipe
from crosscam.training.run_folder import was_killed_before_it_began

CELL_MODULE = "crosscam.grid.cell_process"
LOG_SUFFIX = ".log"
_KILLED = getattr(signal, "SIGKILL", 9)  # Windows has none


class GridWatcher(Protocol):
    """Somebody who is told how far a grid is, from any thread."""

    def on_event(self, name: str, event: Event) -> None:
        """A cell, by its folder's name, said something; see `cell_process`."""

    def on_end(self, name: str, record: CellRecord) -> None:
        """A cell ended: its record says how."""


@dataclass(frozen=True)
class Machine:
    """This machine's part of each recipe when `jobs` run at a time; `gpus` is how many there are.

    Processors are divided among the jobs where a recipe leaves their number open.
    """

    device: str
    jobs: int
    gpus: int

    def applied_to(self, recipe: Recipe) -> Recipe:
        """The recipe as one of the jobs runs it."""
        share = max(1, count_processors() // self.jobs)
        on_gpu = self.gpus > 0 and self.device != "cpu"
        threads = recipe.compute.threads or (0 if on_gpu and self.jobs == 1 else share)
        compute = recipe.compute.model_copy(update={"threads": threads})
        workers = min(recipe.workers, share)
        return recipe.model_copy(
            update={"device": self.device, "workers": workers, "compute": compute}
        )


def run_grid(
    planned: Sequence[Planned],
    *,
    root: Path | None,
    machine: Machine,
    launch: Launch,
    watcher: GridWatcher,
) -> Mapping[Path, CellRecord]:
    """Train and test what is to be run or gone on with; returns the record of each, by folder.

    A cell that fails is recorded so, and takes nothing else with it; so is one whose data are not
    here. Stopped by
    `KeyboardInterrupt`, cells save their state, and the same call goes on with them.
    """
    for step in planned:
        if step.state == "cannot" and step.record is not None:
            write_record(step.folder, step.record)
    todo = [step for step in planned if step.state in ("run", "resume")]
    keeper = _Keeper(watcher)
    jobs = []
    for step in todo:
        assert step.recipe is not None
        assert step.record is not None
        keeper.begin(step.folder, step.record)
        jobs.append(_job(step, machine.applied_to(step.recipe), root))
    statuses = launch(jobs, on_event=keeper.on_event)
    for name, status in statuses.items():
        keeper.close(name, status)
    return {step.folder: keeper.records[step.folder.name] for step in todo}


def _job(step: Planned, recipe: Recipe, root: Path | None) -> Job:
    needs_root = step.cell.data.partition(":")[0] != "people"
    content = {
        "recipe": step.cell.recipe,
        "recipe_toml": recipe.to_toml(),
        "data": step.cell.data,
        "root": str(root) if root is not None and needs_root else None,
        "folder": str(step.folder),
        "resume": step.state == "resume" or was_killed_before_it_began(step.folder),
    }
    log = step.folder.with_name(step.folder.name + LOG_SUFFIX)
    return Job(step.folder.name, CELL_MODULE, content, log)


@dataclass
class _Keeper:
    """Keeps the records of the cells that run, on disk too."""

    watcher: GridWatcher
    records: dict[str, CellRecord] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, folder: Path, record: CellRecord) -> None:
        self.folders[folder.name] = folder
        self.update(folder.name, **record.model_dump(), fresh=True)
        self.update(folder.name, status="running", reason=None)

    def update(self, name: str, *, fresh: bool = False, **changes: Any) -> None:
        with self.lock:
            known = {} if fresh else self.records[name].model_dump()
            self.records[name] = CellRecord.model_validate({**known, **changes})
            write_record(self.folders[name], self.records[name])

    def on_event(self, name: str, event: Event) -> None:
        match event.get("event"):
            case "spent":
                before = self.records[name].seconds or 0.0
                self.update(name, seconds=before + event["seconds"])
            case "done":
                figures = ("train_images_per_second", "test_images_per_second")
                self.update(
                    name,
                    status="done",
                    device=event["device"],
                    threads=event["threads"],
                    **{key: event[key] for key in figures if event[key] is not None},
                )
            case "failed":
                self.update(name, status="failed", reason=event["reason"])
        self.watcher.on_event(name, event)
        if event.get("event") in ("done", "failed"):
            self.watcher.on_end(name, self.records[name])

    def close(self, name: str, status: int) -> None:
        """A job's process is gone; if it did not say why, it failed."""
        if self.records[name].status != "running":
            return
        self.update(name, status="failed", reason=_why(status))
        self.watcher.on_end(name, self.records[name])


def _why(status: int) -> str:
    if status == -_KILLED:
        return "its process was killed, perhaps by the system for want of memory"
    if status < 0:
        return f"its process was ended by signal {-status}"
    return f"its process ended with status {status}; its log says more"
