"""What the runs of a grid scored, read from its folder, and how each differs from its recipe."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosscam.data.about import Counts, count_differences
from crosscam.data.registry import READERS
from crosscam.errors import RunError
from crosscam.grid.cells import Cell, CellRecord, read_records
from crosscam.recipe import Recipe, list_recipes, load_recipe, parse_recipe
from crosscam.report.page import flatten
from crosscam.settings.head import Head
from crosscam.training.run_folder import RunFolder
from crosscam.weights.saved import read_card


@dataclass(frozen=True)
class Result:
    """One cell of a grid, in the run folder `run`.

    `rank1` and `mAP` are fractions, None where the run did not end well. `remarks` say how recipe
    or data are not those that the recipe and the data set's authors state; none if they are.
    `head` is what stands in the place of the model's own end.
    """

    run: Path
    record: CellRecord
    model: str
    remarks: tuple[str, ...]
    rank1: float | None = None
    mAP: float | None = None  # noqa: N815 - the field's own spelling
    head: Head | None = None


def read_results(grid: Path) -> tuple[Result, ...]:
    """The cells of a grid's folder, in the order of names.

    Raises `RunError` if there are none, if two are of the same training, or if a run is not what
    its record says; `WeightsError` if the `model.json` of a finished run is gone or broken;
    `RecipeError` for a recipe that this version cannot read.
    """
    if not grid.is_dir():
        raise RunError(f"there is no folder {grid}; say with --runs where the grid's runs are")
    records = read_records(grid)
    if not records:
        raise RunError(f"there are no records of cells in {grid}; make some with crosscam zoo run")
    seen: dict[tuple[str, ...], Path] = {}
    for run, record in records.items():
        training = (record.recipe, record.data, *map(str, record.key()))
        if training in seen:
            raise RunError(
                f"{seen[training]} and {run} are of the same training, which counts once; remove "
                "one of them and its record"
            )
        seen[training] = run
    return tuple(_read(run, record) for run, record in records.items())


def changes_of(recipe: Recipe, name: str) -> tuple[str, ...]:
    """How `recipe` differs from the built-in one called `name`, but for seed and machine."""
    now = dict(flatten(_computed(recipe)))
    before = dict(flatten(_computed(load_recipe(name))))
    return tuple(
        f"{key} {_say(now.get(key))}, not {_say(before.get(key))}"
        for key in before | now
        if now.get(key) != before.get(key)
    )


def _read(run: Path, record: CellRecord) -> Result:
    recipe = _recipe_of(run, record)
    if record.recipe in list_recipes():
        remarks = changes_of(recipe, record.recipe)
    else:
        remarks = (*record.overrides, *(["from scratch"] if record.from_scratch else []))
    if record.status != "done":
        return Result(run, record, recipe.model, remarks, head=recipe.head)
    card = read_card(run)
    found = (card.trained_on.data, card.trained_on.fingerprint, card.crosscam, recipe.seed)
    if found != (record.data, record.data_fingerprint, record.crosscam, record.seed):
        raise RunError(
            f"{run} is not the run of its record: data, fingerprint, version and seed are "
            f"{', '.join(map(str, found))}; remove the record"
        )
    try:
        scores = card.scores[record.data]
        rank1, mean_ap = float(scores["rank1"]), float(scores["mAP"])
    except (KeyError, TypeError, ValueError):
        raise RunError(f"{run} has no scores on {record.data} in its model.json") from None
    remarks += _differences(record.data, RunFolder(run))
    return Result(run, record, recipe.model, remarks, rank1, mean_ap, recipe.head)


def _recipe_of(run: Path, record: CellRecord) -> Recipe:
    """The recipe that a run was started with, or would have been."""
    file = RunFolder(run).recipe
    if file.is_file():
        return parse_recipe(file.read_text(encoding="utf-8"), source=str(file))
    return Cell(
        record.recipe, record.data, record.seed, record.overrides, record.from_scratch
    ).resolve()


def _computed(recipe: Recipe) -> Mapping[str, Any]:
    """The settings that decide what is computed."""
    machine: Any = {"memory_format", "threads", "log_every"}
    return recipe.model_dump(
        mode="json", exclude={"seed": True, "device": True, "workers": True, "compute": machine}
    )


def _differences(data: str, run: RunFolder) -> tuple[str, ...]:
    """Where a run's data are not as large as published."""
    name, _, variant = data.partition(":")
    published = READERS[name].about.published(variant) if name in READERS else None
    if published is None:
        return ()
    try:
        counts = run.read_environment()["data_counts"]
        found = Counts(
            train_pids=counts["train_identities"],
            train_images=counts["train"],
            query_images=counts["query"],
            gallery_images=counts["gallery"],
            cameras=published.cameras,  # of which a run does not tell
        )
    except (KeyError, TypeError):
        raise RunError(f"{run.environment} does not say how large the data are") from None
    return count_differences(found, published)


def _say(value: Any) -> str:
    return "unset" if value is None else str(value)
