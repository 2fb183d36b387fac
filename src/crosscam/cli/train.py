"""`crosscam train`: a recipe and a data set in, a run's folder out."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from crosscam.cli.commands.options import DataOptions
from crosscam.cli.console import screen_for
from crosscam.cli.data_sets import open_dataset
from crosscam.cli.output import check_json_file, print_scores, write_json
from crosscam.cli.run_names import latest_run, unused_run
from crosscam.cli.watching import ConsoleWatcher
from crosscam.errors import Interrupted
from crosscam.evaluation.outcome import Outcome
from crosscam.experiment.finish import Experiment
from crosscam.experiment.run import run_experiment
from crosscam.recipe import Recipe, load_recipe
from crosscam.training.run_folder import RunFolder
from crosscam.types import ReIDDataset


def train_recipe(
    recipe: str,
    overrides: Sequence[str],
    data: DataOptions,
    out: Path | None,
    *,
    resume: bool,
    with_baseline: bool,
    json_file: Path | None,
) -> None:
    """Train a recipe on a data set, in a new folder of `runs/` if none is given."""
    settings = load_recipe(recipe, overrides)
    dataset = open_dataset(data, multi_query=settings.test.multi_query is not None)
    name = f"{Path(recipe).stem}-{dataset.name}"
    folder = out or (latest_run(name) if resume else unused_run(name))
    train_and_show(
        settings, dataset, folder, resume=resume, with_baseline=with_baseline, json_file=json_file
    )


def train_and_show(
    recipe: Recipe,
    dataset: ReIDDataset,
    folder: Path,
    *,
    resume: bool,
    with_baseline: bool,
    json_file: Path | None,
) -> None:
    """Run an experiment, showing how far it is, then its figures and where its report is."""
    check_json_file(json_file, run=folder)
    try:
        title = [
            f"{recipe.model} on {dataset.name}, in {folder}",
            f"terms of the data: {dataset.terms}",
            *(f"note: {note}" for note in dataset.notes),
        ]
        with ConsoleWatcher(title) as watcher:
            experiment = run_experiment(
                recipe,
                dataset,
                folder,
                resume=resume,
                with_baseline=with_baseline,
                watcher=watcher,
            )
    except Interrupted as stop:
        began = RunFolder(folder).recipe.exists()
        go_on = (
            f"go on with crosscam resume {quote(str(folder))}"
            if began
            else "give the same command again"
        )
        raise Interrupted(f"{stop}; {go_on}", stop.signal_number) from None
    _show(experiment, json_file)


def _show(experiment: Experiment, json_file: Path | None) -> None:
    console = screen_for(json_file)
    outcome = experiment.outcome
    if outcome is not None:
        rows = outcome.rows(experiment.card.architecture)
        intervals = outcome.row_intervals(experiment.card.architecture)
        print_scores(rows, intervals, json_file=json_file)
    console.print(f"report: {experiment.run.report}")
    content = {
        "run": str(experiment.run.path),
        "report": str(experiment.run.report),
        "scores": outcome.scores.to_json() if outcome else None,
        "intervals": _intervals(outcome) if outcome else None,
        "decisions": outcome.decisions.to_json() if outcome and outcome.decisions else None,
        "settings": outcome.settings.to_json() if outcome else None,
        "unaveraged": outcome.unaveraged.to_json() if outcome and outcome.unaveraged else None,
        "baseline": outcome.baseline.to_json() if outcome and outcome.baseline else None,
        "card": experiment.card.to_json(),
    }
    write_json(content, json_file)


def _intervals(outcome: Outcome) -> dict[str, Any] | None:
    found = outcome.intervals["scores"]
    return found.to_json() if found else None
