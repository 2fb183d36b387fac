"""What follows training: the model is kept, calibrated and tested, and the report written."""

from collections.abc import Mapping
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
from crosscam.files import remove_folder, safe_name
from crosscam.models.base import ReIDModel
from crosscam.report.failure_page import has_failures, known_probability, write_failures
from crosscam.report.page import write_report
from crosscam.training.loop import Trained
from crosscam.training.run_folder import RunFolder
from crosscam.training.stopping import StopRequest
from crosscam.types import AnyScores, ReIDDataset
from crosscam.weights.saved import ModelCard, save_card, save_weights


@dataclass(frozen=True)
class Experiment:
    """What an experiment left: its folder, its model with its card, and what testing gave.

    `outcomes` are those of the tests by the names of their data sets, in the order in which these
    were named; `outcome` is the first, None where no data set has a test.
    """

    run: RunFolder
    card: ModelCard
    embedder: Embedder
    outcomes: Mapping[str, Outcome]

    @property
    def outcome(self) -> Outcome | None:
        """What the first test gave, None for data without a test split."""
        return next(iter(self.outcomes.values()), None)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.run.path

    @property
    def scores(self) -> AnyScores | None:
        """The scores of the first test, None for data without a test split."""
        return None if self.outcome is None else self.outcome.scores


def finish(plan: Plan, trained: Trained, *, stop: StopRequest, watcher: Watcher) -> Experiment:
    """Keep what was trained, calibrate and test it, and write down all that is known of it.

    The model can be used before its test, which may fail: it has a card from the beginning, without
    scores; the one with them comes last.
    """
    embedder = _embedder(plan, trained.model, plan.run.path, trained)
    save_card(plan.run.path, describe_model(plan, trained, embedder, {}))
    watched = _watched(stop, watcher)
    with repeatable(plan.threads):
        if trained.calibrated_by:
            embedder = _calibrated(embedder, trained, plan, on_images=watched, watcher=watcher)
            save_card(plan.run.path, describe_model(plan, trained, embedder, {}))
        outcomes = _tested(
            embedder, plan, trained, with_baseline=plan.with_baseline, on_images=watched
        )
        if trained.unaveraged is not None:
            others = _keep_unaveraged(plan, trained, trained.unaveraged, watched, watcher)
            outcomes = {
                name: outcome.with_unaveraged(others[name]) for name, outcome in outcomes.items()
            }
    stop.obey("after training, before the report; the state is saved")
    card = describe_model(plan, trained, embedder, outcomes)
    embedder = replace(embedder, card=card)
    experiment = Experiment(plan.run, card, embedder, outcomes)
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


def _tested(
    embedder: Embedder, plan: Plan, trained: Trained, *, with_baseline: bool, on_images: OnImages
) -> dict[str, Outcome]:
    """What the tests of all data sets give, by their names."""
    embedder = replace(embedder, card=describe_model(plan, trained, embedder, {}))

    def of(dataset: ReIDDataset) -> OnImages:
        if plan.data.is_one:
            return on_images
        return lambda what, total: on_images(f"{what} on {dataset.name}", total)

    return {
        dataset.name: run_test(
            embedder,
            dataset,
            plan.recipe,
            with_baseline=with_baseline,
            on_images=of(dataset),
        )
        for dataset in plan.data.tests
    }


def _keep_unaveraged(
    plan: Plan, trained: Trained, model: ReIDModel, on_images: OnImages, watcher: Watcher
) -> dict[str, Outcome]:
    """Keep, calibrate and test the weights that are not averaged, with a card of their own."""
    folder = plan.run.unaveraged
    folder.mkdir(exist_ok=True)
    embedder = _embedder(plan, model, folder, trained)
    if trained.calibrated_by:
        embedder = _calibrated(embedder, trained, plan, on_images=on_images, watcher=watcher)
    outcomes = _tested(embedder, plan, trained, with_baseline=False, on_images=on_images)
    save_card(folder, describe_model(plan, trained, embedder, outcomes))
    return outcomes


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
    """Write the tests query by query, the page of failures, and the report.

    Of several tests the first is in `queries.json`, a further one in `queries-NAME.json`; the page
    of failures is of the first, and so is most of the report.
    """
    run, outcome = plan.run, experiment.outcome
    failures = None
    tests = {dataset.name: dataset for dataset in plan.data.tests}
    for earlier in run.path.glob("queries-*.json"):  # of a test of other data sets
        earlier.unlink()
    for name, tested in experiment.outcomes.items():
        record = record_test(
            tested.scores, tests[name], experiment.embedder, settings=tested.settings
        )
        file = RECORD_FILE if tested is outcome else f"queries-{safe_name(name)}.json"
        write_record(run.path / file, record)
    if outcome is not None:
        failures = _write_failures(plan, experiment.card, outcome, on_images=on_images)
    write_report(
        run.path,
        card=experiment.card,
        environment=run.read_environment(),
        log=run.log,
        dataset=plan.data.tests[0] if plan.data.tests else plan.dataset,
        outcome=outcome,
        further=dict(list(experiment.outcomes.items())[1:]),
        epoch=trained.epoch,
        failures=failures,
    )


def _write_failures(
    plan: Plan, card: ModelCard, outcome: Outcome, *, on_images: OnImages
) -> str | None:
    """Write the page of what the model gets wrong, in place of an earlier one of the same run.

    It is of the first test. Returns its path from the report; None where a test has none.
    """
    remove_folder(plan.run.failures)
    if not has_failures(outcome.settings):
        return None
    written = write_failures(
        plan.run.failures,
        outcome.embeddings,
        plan.data.tests[0],
        card,
        settings=outcome.settings,
        ranking=outcome.ranking,
        on_images=on_images,
        probability=known_probability(card, outcome.embeddings[0]),
    )
    return written.page.relative_to(plan.run.path).as_posix()
