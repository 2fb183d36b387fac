"""What is to be done for the cells of a grid: nothing, go on, begin, or it cannot be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from crosscam.data.fingerprint import TRAIN, fingerprint
from crosscam.errors import CrosscamError, DataError, WeightsError
from crosscam.evaluation.run_test import resolve_settings
from crosscam.grid.cells import Cell, CellData, CellRecord, read_records, recipe_hash
from crosscam.models.timm_names import is_timm_name
from crosscam.recipe import Recipe
from crosscam.training.run_folder import RunFolder, is_finished
from crosscam.types import ReIDDataset
from crosscam.weights.downloads import OnBytes
from crosscam.weights.start import find_start

State = Literal["done", "resume", "run", "cannot"]


@dataclass(frozen=True)
class OpenedData:
    """A data set that was read, or the reason why it could not be."""

    dataset: ReIDDataset | None
    reason: str = ""

    def fingerprints(self) -> tuple[str, str]:
        """What tells these files from others, and what those that are trained on."""
        if self.dataset is None:
            return "", ""
        return fingerprint(self.dataset), fingerprint(self.dataset, splits=TRAIN)


@dataclass(frozen=True)
class Planned:
    """A cell, what is to be done for it, and where; `reason` says why it cannot be.

    `recipe` is None where the cell has none that is valid; `record` is the one to begin with, or
    the one that says that there are no data.
    """

    cell: Cell
    state: State
    folder: Path
    recipe: Recipe | None = None
    record: CellRecord | None = None
    reason: str = ""


def plan(
    cells: Sequence[Cell], grid: Path, data: Mapping[CellData, OpenedData]
) -> tuple[Planned, ...]:
    """Look at a grid's folder and say, for each cell, what is to be done.

    A cell is done if a run of the same recipe (but for the machine's part), data fingerprint, seed
    and version of crosscam ended there; one that began is gone on with, and so is one whose test
    images alone are others now; anything else is begun in a folder of its own. One whose recipe
    cannot be tested on its data cannot be. `data` is what the cells read, opened. Raises `RunError`
    for a broken record.
    """
    known = read_records(grid) if grid.is_dir() else {}
    records = {run: record for run, record in known.items() if record.status != "no data"}
    fingerprints = {read: opened.fingerprints() for read, opened in data.items()}
    planned = []
    for cell in cells:
        read = cell.reads()
        step = _plan_cell(cell, grid, records, data[read], fingerprints[read])
        if step.record is not None and step.state == "run":
            records[step.folder] = step.record
        planned.append(step)
    return tuple(planned)


def _plan_cell(
    cell: Cell,
    grid: Path,
    records: Mapping[Path, CellRecord],
    opened: OpenedData,
    fingerprints: tuple[str, str],
) -> Planned:
    folder = grid / cell.name
    if opened.dataset is None:
        record = None if folder in records else _without_data(cell, opened.reason)
        return Planned(cell, "cannot", folder, record=record, reason=opened.reason)
    try:
        recipe = cell.resolve()
        recipe.refuse_asking()
        _refuse_useless(opened.dataset)
        resolve_settings(recipe, opened.dataset)
    except CrosscamError as error:
        return Planned(cell, "cannot", folder, reason=str(error))
    record = CellRecord(
        recipe=cell.recipe,
        data=opened.dataset.name,
        seed=cell.seed,
        recipe_hash=recipe_hash(recipe),
        overrides=cell.overrides,
        from_scratch=cell.from_scratch,
        crosscam=version("crosscam"),
        data_fingerprint=fingerprints[0],
        train_fingerprint=fingerprints[1],
        status="running",
    )
    for place, known in records.items():
        if known.is_of(record):
            return _plan_again(cell, place, recipe, known, record)
    return Planned(cell, "run", _unused(folder, records), recipe, record)


def _without_data(cell: Cell, reason: str) -> CellRecord | None:
    """What the grid's table is told of a cell whose data are not here, if its recipe is one."""
    try:
        recipe = cell.resolve()
    except CrosscamError:
        return None
    return CellRecord(
        recipe=cell.recipe,
        data=cell.data,
        seed=cell.seed,
        recipe_hash=recipe_hash(recipe),
        overrides=cell.overrides,
        from_scratch=cell.from_scratch,
        crosscam=version("crosscam"),
        data_fingerprint="",
        status="no data",
        reason=reason,
    )


def _refuse_useless(dataset: ReIDDataset) -> None:
    if not dataset.train or not dataset.query:
        raise DataError(f"data set {dataset.name!r} has no training images, or nothing to test on")


def _plan_again(
    cell: Cell, folder: Path, recipe: Recipe, known: CellRecord, record: CellRecord
) -> Planned:
    if known.data_fingerprint != record.data_fingerprint:
        changed = {"data_fingerprint": record.data_fingerprint, "status": "running"}
        known = known.model_copy(update=changed)
    if known.status == "done" and is_finished(folder):
        return Planned(cell, "done", folder, recipe, known)
    began = RunFolder(folder).recipe.is_file()
    return Planned(cell, "resume" if began else "run", folder, recipe, known)


def _unused(folder: Path, records: Mapping[Path, CellRecord]) -> Path:
    """The first folder of that name, numbered if need be, that no system takes for one there is."""
    there = folder.parent.iterdir() if folder.parent.is_dir() else ()
    taken = {place.name.casefold() for place in (*records, *there)}
    number, free = 1, folder
    while free.name.casefold() in taken:
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free


def with_starts(
    planned: Sequence[Planned], on_download: Callable[[str], OnBytes] | None
) -> tuple[Planned, ...]:
    """Fetch, before anything is trained, what cells start from; those that cannot have it cannot.

    `on_download` is told what may have to be fetched, and returns what to tell how far it is; with
    None nothing is fetched, and what is not here counts as what can be had.
    """
    missing: dict[tuple[str, str], str] = {}
    for step in planned:
        if step.state != "run" or step.recipe is None or step.recipe.weights == "none":
            continue
        wanted = step.recipe.model, step.recipe.weights
        if wanted not in missing and on_download is not None:
            missing[wanted] = _cannot_have(*wanted, on_download)
    return tuple(_or_cannot(step, missing) for step in planned)


def _cannot_have(model: str, weights: str, on_download: Callable[[str], OnBytes]) -> str:
    """Why a model cannot have the weights it starts from; nothing if it can.

    timm's own weights are timm's to fetch, when the cell begins.
    """
    if is_timm_name(model) and weights == "imagenet":
        return ""
    try:
        file = find_start(model, weights, on_download(f"what {model} starts from"))
    except WeightsError as error:
        return f"{error}; zoo run --from-scratch does so, and marks it"
    return "" if file.is_file() else f"there is no file {file} to start from"


def _or_cannot(step: Planned, missing: Mapping[tuple[str, str], str]) -> Planned:
    if step.state != "run" or step.recipe is None:
        return step
    reason = missing.get((step.recipe.model, step.recipe.weights), "")
    return replace(step, state="cannot", reason=reason) if reason else step
