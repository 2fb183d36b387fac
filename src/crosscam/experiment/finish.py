"""What follows training: the model is kept, calibrated and tested, and the report written."""

from dataclasses import dataclass, replace
from pathlib import Path

from crosscam.data.progress import OnImages
from crosscam.devices import repeatable
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.network import TorchNetwork
from crosscam.embedding.samples import Progress
from crosscam.errors import InputError
from crosscam.evaluation.calibrate import calibrate_on
from crosscam.evaluation.outcome import Outcome
from crosscam.evaluation.record import RECORD_FILE, record_test, write_record
from crosscam.evaluation.run_test import run_test
from crosscam.experiment.card import describe_model
from crosscam.experiment.plan import Plan
from crosscam.experiment.watcher import Watcher
from crosscam.files import remove_folder
from crosscam.models.base import ReIDModel
from crosscam.report.failure_page import has_failures, known_probability, write_failures
from crosscam.report.page import write_report
from crosscam.training.loop import Trained
from crosscam.training.run_folder import RunFolder
from crosscam.training.stopping import StopRequest
from crosscam.types import AnyScores
from crosscam.weights.saved import ModelCard, save_card, save_weights


@dataclass(frozen=True)
class Experiment:
    """What an experiment left: its folder, its model with its card, and what testing gave.

    `outcome` is None for data without a test split.
    """

    run: RunFolder
    card: ModelCard
    embedder: Embedder
    outcome: Outcome | None

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.run.path

    @property
    def scores(self) -> AnyScores | None:
        """The scores of the test, None for data without a test split."""
        return None if self.outcome is None else self.outcome.scores


def finish(plan: Plan, trained: Trained, *, stop: StopRequest, watcher: Watcher) -> Experiment:
    """Keep what was trained, calibrate and test it, and write down all that is known of it.

    The model can be used before its test, which may fail: it has a card from the beginning, without
    scores; the one with them comes last.
    """
    embedder = _embedder(plan, trained.model, plan.run.path, trained)
    save_card(plan.run.path, describe_model(plan, trained, embedder, None))
    watched = _watched(stop, watcher)
    outcome = None
    with repeatable(plan.threads):
        if trained.calibrated_by:
            embedder = _calibrated(embedder, trained, plan, on_images=watched, watcher=watcher)
            save_card(plan.run.path, describe_model(plan, trained, embedder, None))
        if plan.dataset.query:
            outcome = run_test(
                embedder,
                plan.dataset,
                plan.recipe,
                with_baseline=plan.with_baseline,
                on_images=watched,
            )
        if trained.unaveraged is not None:
            other = _keep_unaveraged(plan, trained, trained.unaveraged, watched, watcher)
            if outcome is not None and other is not None:
                outcome = outcome.with_unaveraged(other)
    stop.obey("after training, before the report; the state is saved")
    card = describe_model(plan, trained, embedder, outcome)
    embedder = replace(embedder, card=card)
    experiment = Experiment(plan.run, card, embedder, outcome)
    _report(plan, trained, experiment, on_images=watched)
    save_card(plan.run.path, card)  # last: with it the run is finished
    return experiment


def _embedder(plan: Plan, model: ReIDModel, folder: Path, trained: Trained) -> Embedder:
    """What embeds by a model, whose weights are kept in `folder`."""
    return Embedder(
        TorchNetwork(model),
        trained.preprocess,
        plan.recipe.test.metric,
        weights_sha256=save_weights(folder, model),
    )


def _keep_unaveraged(
    plan: Plan, trained: Trained, model: ReIDModel, on_images: OnImages, watcher: Watcher
) -> Outcome | None:
    """Keep, calibrate and test the weights that are not averaged, with a card of their own.

    None for data without a test split.
    """
    folder = plan.run.unaveraged
    folder.mkdir(exist_ok=True)
    embedder = _embedder(plan, model, folder, trained)
    if trained.calibrated_by:
        embedder = _calibrated(embedder, trained, plan, on_images=on_images, watcher=watcher)
    outcome = None
    if plan.dataset.query:
        outcome = run_test(
            embedder, plan.dataset, plan.recipe, with_baseline=False, on_images=on_images
        )
    save_card(folder, describe_model(plan, trained, embedder, outcome))
    return outcome


def _watched(stop: StopRequest, watcher: Watcher) -> OnImages:
    """Tells the watcher, and stops between two batches if that is asked for."""

    def watched(what: str, total: int) -> Progress:
        tell = watcher.on_images(what, total)

        def on_batch(count: int) -> None:
            tell(count)
            stop.obey(f"after training, while {what}; the state is saved")

        return on_batch

    return watched


def _calibrated(
    embedder: Embedder, trained: Trained, plan: Plan, *, on_images: OnImages, watcher: Watcher
) -> Embedder:
    """The embedder with a calibration by the people held out for it, if the model allows one."""
    try:
        return calibrate_on(
            embedder,
            trained.calibrated_by,
            data=f"{plan.dataset.name}, people held out of training",
            seed=plan.recipe.seed,
            batch_size=plan.recipe.test.batch_size,
            workers=plan.recipe.workers,
            on_images=on_images,
        )
    except InputError as error:
        watcher.on_note(f"no calibration: {error}")
        return embedder


def _report(plan: Plan, trained: Trained, experiment: Experiment, *, on_images: OnImages) -> None:
    """Write the test query by query, the page of failures, and the report."""
    run, outcome = plan.run, experiment.outcome
    failures = None
    if outcome is not None:
        record = record_test(
            outcome.scores, plan.dataset, experiment.embedder, settings=outcome.settings
        )
        write_record(run.path / RECORD_FILE, record)
        failures = _write_failures(plan, experiment.card, outcome, on_images=on_images)
    write_report(
        run.path,
        card=experiment.card,
        environment=run.read_environment(),
        log=run.log,
        dataset=plan.dataset,
        outcome=outcome,
        epoch=trained.epoch,
        failures=failures,
    )


def _write_failures(
    plan: Plan, card: ModelCard, outcome: Outcome, *, on_images: OnImages
) -> str | None:
    """Write the page of what the model gets wrong, in place of an earlier one of the same run.

    Returns its path from the report; None where a test has none.
    """
    remove_folder(plan.run.failures)
    if not has_failures(outcome.settings):
        return None
    written = write_failures(
        plan.run.failures,
        outcome.embeddings,
        plan.dataset,
        card,
        settings=outcome.settings,
        ranking=outcome.ranking,
        on_images=on_images,
        probability=known_probability(card, outcome.embeddings[0]),
    )
    return written.page.relative_to(plan.run.path).as_posix()
