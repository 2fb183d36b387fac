"""One experiment from end to end: train, test, save the model, write the report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from crosscam.data.progress import OnImages
from crosscam.devices import repeatable, resolve_autocast, resolve_device
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.network import TorchNetwork
from crosscam.embedding.samples import Progress
from crosscam.errors import InputError
from crosscam.evaluation.calibrate import calibrate_on
from crosscam.evaluation.outcome import Outcome
from crosscam.evaluation.record import RECORD_FILE, record_test, write_record
from crosscam.evaluation.run_test import resolve_settings, run_test
from crosscam.files import remove_folder
from crosscam.recipe import Recipe
from crosscam.report.failure_page import has_failures, known_probability, write_failures
from crosscam.report.page import write_report
from crosscam.training.environment import describe_environment, differences
from crosscam.training.loop import StepRecord, Trained, prepare, train
from crosscam.training.run_folder import (
    RunFolder,
    create_run,
    locked,
    note_resumption,
    open_run,
    refuse_used,
    tidy,
    was_killed_before_it_began,
)
from crosscam.training.stopping import StopRequest
from crosscam.types import ReIDDataset
from crosscam.weights.downloads import OnBytes
from crosscam.weights.saved import InputCard, ModelCard, TrainingCard, save_card, save_weights

_LICENCE = "Yours to state; the terms of the data, and of a start that is not random, bind you."


class Watcher(Protocol):
    """Somebody who is told how far an experiment is."""

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


@dataclass(frozen=True)
class Experiment:
    """What an experiment left: its folder, the card of its model, its scores."""

    run: RunFolder
    card: ModelCard
    outcome: Outcome | None


def run_experiment(
    recipe: Recipe,
    dataset: ReIDDataset,
    folder: Path,
    *,
    resume: bool,
    with_baseline: bool,
    watcher: Watcher,
) -> Experiment:
    """Train `recipe` on `dataset` and test it, in `folder`, or go on with the run that is there.

    Whatever can be refused is refused before `folder` is made. Raises any `CrosscamError`;
    `Interrupted` if training was asked to stop.
    """
    resolve_settings(recipe, dataset)
    device = resolve_device(recipe.device)
    autocast = resolve_autocast(recipe.compute.autocast, device)
    environment = describe_environment(recipe, dataset, device=device, autocast=autocast)
    run = RunFolder(folder)
    resume = resume and not was_killed_before_it_began(folder)
    if resume:
        open_run(folder, recipe, environment)
    else:
        refuse_used(folder)
    with StopRequest() as stop:
        with stop.at_once("before training began"):
            training = prepare(
                recipe,
                dataset,
                weights="none" if run.checkpoint.exists() else recipe.weights,
                device=device,
                autocast=autocast,
                on_bytes=watcher.on_download("the weights to start from"),
                on_note=watcher.on_note,
            )
        stop.obey("before training began")
        if not resume:
            create_run(folder, recipe, environment)
        with locked(run):
            tidy(run)
            _note_differences(run, environment, watcher)
            trained = train(training, run, stop=stop, on_step=watcher.on_step)
            return _finish(
                trained,
                dataset,
                recipe,
                run,
                with_baseline=with_baseline,
                watcher=watcher,
                stop=stop,
            )


def _note_differences(run: RunFolder, environment: Mapping[str, Any], watcher: Watcher) -> None:
    found = differences(run.read_environment(), environment)
    for difference in found:
        watcher.on_note(f"not bit-equal to an uninterrupted run: {difference}")
    if found:
        note_resumption(run, found)


def _finish(
    trained: Trained,
    dataset: ReIDDataset,
    recipe: Recipe,
    run: RunFolder,
    *,
    with_baseline: bool,
    watcher: Watcher,
    stop: StopRequest,
) -> Experiment:
    """Calibrate and test what was trained, and write down all that is known of it."""
    embedder = Embedder(
        TorchNetwork(trained.model),
        trained.preprocess,
        recipe.test.metric,
        weights_sha256=save_weights(run.path, trained.model),
    )

    def watched(what: str, total: int) -> Progress:
        tell = watcher.on_images(what, total)

        def on_batch(count: int) -> None:
            tell(count)
            stop.obey(f"after training, while {what}; the state is saved")

        return on_batch

    outcome = None
    with repeatable(recipe.compute.threads):
        embedder = _calibrate(
            embedder, trained, dataset, recipe, on_images=watched, watcher=watcher
        )
        if dataset.query:
            outcome = run_test(
                embedder, dataset, recipe, with_baseline=with_baseline, on_images=watched
            )
    stop.obey("after training, before the report; the state is saved")
    card = _describe(embedder, trained, dataset, recipe, run, outcome)
    if outcome is not None:
        tested = replace(embedder, card=card)
        record = record_test(outcome.scores, dataset, tested, settings=outcome.settings)
        write_record(run.path / RECORD_FILE, record)
    failures = _write_failures(run, outcome, dataset, card, on_images=watched)
    write_report(
        run.path,
        card=card,
        environment=run.read_environment(),
        log=run.log,
        dataset=dataset,
        outcome=outcome,
        epoch=trained.epoch,
        failures=failures,
    )
    save_card(run.path, card)  # last: a folder with a card is a finished run
    return Experiment(run, card, outcome)


def _calibrate(
    embedder: Embedder,
    trained: Trained,
    dataset: ReIDDataset,
    recipe: Recipe,
    *,
    on_images: OnImages,
    watcher: Watcher,
) -> Embedder:
    """The embedder with a calibration if people were held out for it and the model allows one."""
    if not trained.calibrated_by:
        return embedder
    try:
        return calibrate_on(
            embedder,
            trained.calibrated_by,
            data=f"{dataset.name}, people held out of training",
            seed=recipe.seed,
            batch_size=recipe.test.batch_size,
            workers=recipe.workers,
            on_images=on_images,
        )
    except InputError as error:
        watcher.on_note(f"no calibration: {error}")
        return embedder


def _write_failures(
    run: RunFolder,
    outcome: Outcome | None,
    dataset: ReIDDataset,
    card: ModelCard,
    *,
    on_images: OnImages,
) -> str | None:
    """Write the page of what the model gets wrong, in place of an earlier one of the same run.

    Returns its path from the report; None where a test has none.
    """
    if outcome is None or not has_failures(outcome.settings):
        return None
    remove_folder(run.failures)
    written = write_failures(
        run.failures,
        outcome.embeddings,
        dataset,
        card,
        settings=outcome.settings,
        ranking=outcome.ranking,
        on_images=on_images,
        probability=known_probability(card, outcome.embeddings[0]),
    )
    return written.page.relative_to(run.path).as_posix()


def _describe(
    embedder: Embedder,
    trained: Trained,
    dataset: ReIDDataset,
    recipe: Recipe,
    run: RunFolder,
    outcome: Outcome | None,
) -> ModelCard:
    """All that is known about the model, whose weights are saved."""
    environment = run.read_environment()
    return ModelCard(
        crosscam=environment["crosscam"],
        architecture=recipe.model,
        num_classes=trained.model.num_classes,
        feature_dim=embedder.feature_dim,
        input=InputCard.of(embedder.preprocess),
        metric=embedder.metric,
        memory_format=recipe.compute.memory_format,
        trained_on=TrainingCard(
            data=dataset.name,
            identities=trained.identities,
            images=trained.images,
            fingerprint=environment["data_fingerprint"],
            terms=dataset.terms,
            initial_weights=recipe.weights if recipe.weights != "none" else "random",
        ),
        licence=_LICENCE,
        recipe=recipe.model_dump(exclude_none=True, mode="json"),
        scores=_all_scores(dataset, outcome),
        weights_sha256=str(embedder.weights_sha256),
        calibration=embedder.calibration,
    )


def _all_scores(dataset: ReIDDataset, outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        return {}
    intervals = outcome.intervals["scores"]
    own: dict[str, Any] = {
        **outcome.scores.to_json(),
        "intervals": intervals.to_json() if intervals else None,
        "settings": outcome.settings.to_json(),
    }
    scores: dict[str, Any] = {dataset.name: own}
    if outcome.baseline is not None:
        scores[f"{dataset.name} colour histogram"] = outcome.baseline.to_json()
    return scores
