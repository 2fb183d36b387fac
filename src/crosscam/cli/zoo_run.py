"""`crosscam zoo run`: any part of the grid, recipes x data sets x seeds, trained and tested."""

import shutil
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from crosscam.cli.commands.options import DataOptions
from crosscam.cli.commands.zoo import CellOptions
from crosscam.cli.console import Screen, screen_for
from crosscam.cli.data_sets import open_dataset
from crosscam.cli.grid_progress import GridProgress
from crosscam.cli.output import check_json_file, write_json
from crosscam.cli.watching import ConsoleWatcher, clock
from crosscam.data.registry import find_reader
from crosscam.devices import resolve_device
from crosscam.errors import CrosscamError, Interrupted, RunError
from crosscam.files import alone
from crosscam.grid.cells import Cell, CellData, CellRecord
from crosscam.grid.estimates import Estimate, estimate
from crosscam.grid.launching import LocalLaunch
from crosscam.grid.planning import OpenedData, Planned, plan, with_starts
from crosscam.grid.run import LOG_SUFFIX, Machine, run_grid
from crosscam.recipe import load_recipe
from crosscam.weights.published import TRAINING_DATA
from crosscam.zoo.figures import published_figures

_BUSY = "a grid is being trained in {} by another process; wait for it, or give another --out"


def run_cells(
    options: CellOptions,
    out: Path,
    *,
    root: Path | None,
    jobs: int,
    device: str,
    dry_run: bool,
    json_file: Path | None,
) -> None:
    """Show what is to be done for the cells that the options name, and have it done."""
    check_json_file(json_file)
    gpus = torch.cuda.device_count() if resolve_device(device).type == "cuda" else 0
    machine = Machine(device, jobs, gpus)
    cells = choose_cells(options)
    opened = {read: _open(read, root) for read in dict.fromkeys(cell.reads() for cell in cells)}
    planned = plan(cells, out, opened)
    with ConsoleWatcher() as watcher:
        planned = with_starts(planned, None if dry_run else watcher.on_download)
    _refuse_nothing(planned)
    threads = machine.applied_to(load_recipe(cells[0].recipe)).compute.threads
    estimates = estimate(planned, opened, threads=threads)
    screen = screen_for(json_file)
    _show_plan(screen, planned, estimates)
    screen.print(_summary(planned, estimates, out, jobs))
    records: Mapping[Path, CellRecord] = {}
    if not dry_run:
        terms = {read.name: found.dataset.terms for read, found in opened.items() if found.dataset}
        for name, words in terms.items():
            screen.print(f"terms of {name}: {words}")
        with alone(out / ".lock", _BUSY.format(out)):
            records = _run(planned, estimates, root, machine)
    write_json(_as_json(planned, estimates, records), json_file)
    failed = [name for name, record in records.items() if record.status == "failed"]
    if failed:
        listed = "; ".join(f"{path.name} ({path}{LOG_SUFFIX})" for path in failed)
        raise RunError(f"{len(failed)} of {len(records)} cells failed: {listed}")


def choose_cells(options: CellOptions) -> list[Cell]:
    """The cells that the options name, seed after seed, so that a whole table comes early.

    Of recipes that are not named, those cells that were published, and all on other data.
    """
    figures = published_figures()
    named = _split(options.recipes)
    chosen = []
    for recipe in named or list(figures.scores):
        starts = load_recipe(recipe).weights != "none"  # refuses an unknown one
        for name in _split(options.data) or list(TRAINING_DATA):
            find_reader(name.partition(":")[0])
            is_published = figures.of(recipe, name) is not None
            if named or is_published or name.partition(":")[0] not in TRAINING_DATA:
                chosen.append((recipe, name, options.from_scratch and starts))
    return [
        Cell(recipe, name, seed, tuple(options.overrides or ()), scratch)
        for seed in range(1, options.seeds + 1)
        for recipe, name, scratch in chosen
    ]


def _split(values: Sequence[str] | None) -> list[str]:
    parts = [part.strip() for value in values or () for part in value.split(",")]
    return list(dict.fromkeys(part for part in parts if part))


def _open(read: CellData, root: Path | None) -> OpenedData:
    needs_root = find_reader(read.name.partition(":")[0]).needs_root
    try:
        options = DataOptions(read.name, root if needs_root else None)
        return OpenedData(open_dataset(options, multi_query=read.multi_query))
    except CrosscamError as error:
        return OpenedData(None, str(error))


def _refuse_nothing(planned: Sequence[Planned]) -> None:
    if all(step.state == "cannot" for step in planned):
        reasons = list(dict.fromkeys(step.reason for step in planned))
        more = f" (and {len(reasons) - 1} other reasons)" if len(reasons) > 1 else ""
        raise RunError(f"none of {len(planned)} cells can be run: {reasons[0]}{more}")


def _run(
    planned: Sequence[Planned],
    estimates: Sequence[Estimate],
    root: Path | None,
    machine: Machine,
) -> Mapping[Path, CellRecord]:
    seconds = {
        step.folder.name: guess.seconds
        for step, guess in zip(planned, estimates, strict=True)
        if step.state in ("run", "resume")
    }
    launch = LocalLaunch(machine.jobs, machine.gpus)
    try:
        with _terminated_as_interrupted(), GridProgress(seconds, machine.jobs) as progress:
            return run_grid(planned, root=root, machine=machine, launch=launch, watcher=progress)
    except KeyboardInterrupt:
        raise Interrupted(
            "stopped; cells that ran have saved their state, and the same command goes on",
            signal.SIGINT,
        ) from None


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """While entered, SIGTERM does what Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


_WORDS = {
    "done": "done already",
    "resume": "goes on",
    "run": "to be run",
}


def _show_plan(screen: Screen, planned: Sequence[Planned], estimates: Sequence[Estimate]) -> None:
    """Print a row for each cell that can be run, and one for each reason why others cannot."""
    table = Table(box=None, pad_edge=False)
    for title in ("cell", "", "about", "disk, MB"):
        table.add_column(title, justify="right" if title in ("about", "disk, MB") else "left")
    for step, guess in zip(planned, estimates, strict=True):
        if step.state == "cannot":
            continue
        is_open = step.state in ("run", "resume")
        table.add_row(
            step.folder.name,
            _WORDS[step.state] + (", from scratch" if step.cell.from_scratch else ""),
            clock(guess.seconds) if is_open else "",
            f"{guess.disk_bytes / 1e6:,.0f}" if is_open else "",
        )
    if table.row_count:
        screen.print(table)
    reasons = Counter(step.reason for step in planned if step.state == "cannot")
    if reasons:
        why_not = Table(box=None, pad_edge=False)
        why_not.add_column("cells", justify="right")
        why_not.add_column("cannot be run, because")
        for reason, count in reasons.most_common():
            why_not.add_row(f"{count:,}", reason)
        screen.print(why_not)


def _summary(
    planned: Sequence[Planned], estimates: Sequence[Estimate], out: Path, jobs: int
) -> str:
    seconds = sum(guess.seconds for guess in estimates) / jobs
    needed = sum(guess.disk_bytes for guess in estimates) / 1e9
    existing = next(path for path in (out, *out.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free / 1e9
    states = [step.state for step in planned]
    short = "; NOT ENOUGH ROOM" if needed > free else ""
    return (
        f"{len(planned)} cells in {out}: {states.count('done')} done, "
        f"{states.count('run') + states.count('resume')} to be run, "
        f"{states.count('cannot')} that cannot be; about {clock(seconds)} with {jobs} at a time "
        f"(by a step of 8 images of each model, made here), {needed:.1f} GB of the {free:,.0f} GB "
        f"that are free{short}"
    )


def _as_json(
    planned: Sequence[Planned],
    estimates: Sequence[Estimate],
    records: Mapping[Path, CellRecord],
) -> dict[str, Any]:
    cells = []
    for step, guess in zip(planned, estimates, strict=True):
        record = records.get(step.folder, step.record)
        cells.append(
            {
                "cell": step.folder.name,
                "folder": str(step.folder),
                "was": step.state,
                "status": record.status if record and step.folder in records else step.state,
                "reason": (record.reason if step.folder in records and record else step.reason)
                or None,
                "estimated_seconds": guess.seconds,
                "estimated_bytes": guess.disk_bytes,
            }
        )
    return {"cells": cells}
