"""The order of an experiment: look at everything, train, test, report."""

from pathlib import Path

from crosscam.data.joining import DataSets, gather
from crosscam.data.looking import all_images, look_at_images
from crosscam.experiment.finish import Experiment, finish
from crosscam.experiment.plan import Plan, make_plan
from crosscam.experiment.watcher import Watcher
from crosscam.recipe import Recipe
from crosscam.training.loop import train
from crosscam.training.prepare import Training, prepare
from crosscam.training.resuming import note_changes
from crosscam.training.run_folder import create_run, locked, tidy
from crosscam.training.stopping import StopRequest
from crosscam.types import ReIDDataset

_EARLY = "before training began"


def run_experiment(
    recipe: Recipe,
    data: DataSets | ReIDDataset,
    folder: Path,
    *,
    resume: bool,
    with_baseline: bool,
    watcher: Watcher,
) -> Experiment:
    """Train `recipe` on `data` and test it, in `folder`, or go on with the run that is there.

    Whatever can be refused is refused before `folder` is made; for that every image is opened once,
    unless training is complete. Of a run whose training is complete only the test is done, again
    if it was. Raises any `CrosscamError`; `Interrupted` if training was asked to stop.
    """
    data = gather([data]) if isinstance(data, ReIDDataset) else data
    plan = make_plan(recipe, data, folder, resume=resume, with_baseline=with_baseline)
    with StopRequest() as stop:
        training = _prepare(plan, stop, watcher)
        if not plan.is_trained:
            _look_at_images(plan, stop, watcher)
        stop.obey(_EARLY)
        if plan.begun is None:
            create_run(folder, recipe, plan.environment)
        with locked(plan.run):
            tidy(plan.run)
            _note_copies(plan, data, watcher)
            _note_changes(plan, watcher)
            epoch = "" if plan.is_trained else f"; {training.epoch}"
            watcher.on_start(f"{plan.in_words()}{epoch}")
            trained = train(training, plan.run, stop=stop, on_step=watcher.on_step)
            return finish(plan, trained, stop=stop, watcher=watcher)


def _prepare(plan: Plan, stop: StopRequest, watcher: Watcher) -> Training:
    with stop.at_once(_EARLY):
        return prepare(
            plan.computed,
            plan.dataset,
            weights="none" if plan.run.checkpoint.exists() else plan.recipe.weights,
            device=plan.device,
            autocast=plan.autocast,
            on_bytes=watcher.on_download("the weights to start from"),
            on_note=watcher.on_note,
        )


def _look_at_images(plan: Plan, stop: StopRequest, watcher: Watcher) -> None:
    total = sum(len(all_images(dataset)) for dataset in plan.data.all)
    tell = watcher.on_images("looking at all images", total)

    def on_batch(count: int) -> None:
        tell(count)
        stop.obey(_EARLY)

    for dataset in plan.data.all:
        look_at_images(dataset, workers=plan.recipe.workers, on_batch=on_batch)


def _note_copies(plan: Plan, data: DataSets, watcher: Watcher) -> None:
    """Tell what the plan notes of the data that was not noted when they were read."""
    for planned, read in zip(plan.data.all, data.all, strict=True):
        for note in planned.notes:
            if note not in read.notes:
                watcher.on_note(note if data.is_one else f"{read.name}: {note}")


def _note_changes(plan: Plan, watcher: Watcher) -> None:
    if plan.begun is None:
        return
    note_changes(plan.begun, plan.recipe, plan.environment, plan.changes)
    words = (
        "tested otherwise than trained"
        if plan.is_trained
        else ("not bit-equal to an uninterrupted run")
    )
    for change in plan.changes.machine:
        watcher.on_note(f"{words}: {change}")
    for change in plan.changes.test:
        watcher.on_note(f"the test is another than when the run began: {change}")
