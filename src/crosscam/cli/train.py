"""`crosscam train`: a recipe and data sets in, a run's folder out."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from crosscam.cli.commands.options import TrainDataOptions
from crosscam.cli.console import screen_for
from crosscam.cli.data_sets import open_for_training
from crosscam.cli.output import check_json_file, print_scores, write_json
from crosscam.cli.run_names import latest_run, unused_run
from crosscam.cli.watching import ConsoleWatcher
from crosscam.data.joining import DataSets
from crosscam.errors import Interrupted
from crosscam.evaluation.outcome import Outcome, intervals_of, rows_of
from crosscam.experiment.finish import Experiment
from crosscam.experiment.run import run_experiment
from crosscam.recipe import Recipe, load_recipe
from crosscam.training.run_folder import RunFolder


def train_recipe(
    recipe: str,
    overrides: Sequence[str],
    data: TrainDataOptions,
    out: Path | None,
    *,
    resume: bool,
    with_baseline: bool,
    json_file: Path | None,
) -> None:
    """Train a recipe on data sets, in a new folder of `runs/` if none is given."""
    settings = load_recipe(recipe, overrides)
    sets = open_for_training(data, multi_query=settings.test.multi_query is not None)
    name = f"{Path(recipe).stem}-{'+'.join(one.name for one in sets.trained_on)}"
    folder = out or (latest_run(name) if resume else unused_run(name))
    train_and_show(
        settings, sets, folder, resume=resume, with_baseline=with_baseline, json_file=json_file
    )


def train_and_show(
    recipe: Recipe,
    data: DataSets,
    folder: Path,
    *,
    resume: bool,
    with_baseline: bool,
    json_file: Path | None,
) -> None:
    """Run an experiment, showing how far it is, then its figures and where its report is."""
    check_json_file(json_file, run=folder)
    try:
        with ConsoleWatcher(_title(recipe, data, folder)) as watcher:
            experiment = run_experiment(
                recipe,
                data,
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


def _title(recipe: Recipe, data: DataSets, folder: Path) -> list[str]:
    """What comes before training: on what, by which terms, and what is to be known of it."""
    if data.is_one:
        dataset = data.together
        return [
            f"{recipe.model} on {dataset.name}, in {folder}",
            f"terms of the data: {dataset.terms}",
            *(f"note: {note}" for note in dataset.notes),
        ]
    balance = f", balance {recipe.batch.balance}" if len(data.trained_on) > 1 else ""
    only_tested = ", ".join(dataset.name for dataset in data.only_tested)
    further = f", tested on {only_tested}, too" if only_tested else ""
    return [
        f"{recipe.model} on {data.together.name}{balance}{further}, in {folder}",
        *(f"terms of {dataset.name}: {dataset.terms}" for dataset in data.all),
        *(f"note: {note}" for note in _notes(data)),
    ]


def _notes(data: DataSets) -> list[str]:
    notes = [f"{dataset.name}: {note}" for dataset in data.all for note in dataset.notes]
    if len(data.trained_on) == 1:
        return notes
    return [*notes, *(note for note in data.together.notes if note not in notes)]


def _show(experiment: Experiment, json_file: Path | None) -> None:
    console = screen_for(json_file)
    outcome = experiment.outcome
    if outcome is not None:
        rows = rows_of(experiment.outcomes, experiment.card.architecture)
        intervals = intervals_of(experiment.outcomes, experiment.card.architecture)
        print_scores(rows, intervals, json_file=json_file)
    console.print(f"report: {experiment.run.report}")
    content = {
        "run": str(experiment.run.path),
        "report": str(experiment.run.report),
        **_to_json(outcome),
        "tests": {name: _to_json(one) for name, one in experiment.outcomes.items()},
        "card": experiment.card.to_json(),
    }
    write_json(content, json_file)


def _to_json(outcome: Outcome | None) -> dict[str, Any]:
    """What a test gave; all of it None where there was none."""
    return {
        "scores": outcome.scores.to_json() if outcome else None,
        "intervals": _intervals(outcome) if outcome else None,
        "decisions": outcome.decisions.to_json() if outcome and outcome.decisions else None,
        "settings": outcome.settings.to_json() if outcome else None,
        "unaveraged": outcome.unaveraged.to_json() if outcome and outcome.unaveraged else None,
        "baseline": outcome.baseline.to_json() if outcome and outcome.baseline else None,
    }


def _intervals(outcome: Outcome) -> dict[str, Any] | None:
    found = outcome.intervals["scores"]
    return found.to_json() if found else None
