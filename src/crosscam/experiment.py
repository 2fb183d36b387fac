"""One experiment from end to end: train, test, save the model, write the report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from crosscam.devices import repeatable, resolve_autocast, resolve_device
from crosscam.downloads import OnBytes
from crosscam.evaluation.camera_pairs import CameraPair, camera_pairs
from crosscam.evaluation.embedding import Progress
from crosscam.evaluation.evaluate import (
    asked_images,
    embed_test,
    score_embeddings,
    split_embeddings,
)
from crosscam.evaluation.histogram import embed_by_colour
from crosscam.evaluation.settings import PLAIN, EvaluationSettings
from crosscam.files import remove_folder
from crosscam.models.saved import InputCard, ModelCard, TrainingCard, save_card, save_weights
from crosscam.recipe import Recipe
from crosscam.report.failure_page import write_failures
from crosscam.report.outcome import Outcome
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
from crosscam.types import AnyScores, Embeddings, ReIDDataset

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
    _test_settings(recipe, dataset)
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


def _test_settings(recipe: Recipe, dataset: ReIDDataset) -> EvaluationSettings:
    """How the recipe's model is tested on these data, if there is anything to test on."""
    settings = EvaluationSettings.of(recipe.test)
    return settings.resolve(dataset) if dataset.query else settings


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
    """Test what was trained, and write down all that is known of it."""
    outcome = None
    if dataset.query:
        with repeatable(recipe.compute.threads):
            outcome = _test(
                trained, dataset, recipe, with_baseline=with_baseline, watcher=watcher, stop=stop
            )
    stop.obey("after training, before the report; the state is saved")
    card = _describe(trained, dataset, recipe, run, outcome)
    failures = _write_failures(run, outcome, dataset, card, watcher=watcher, stop=stop)
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


def _test(
    trained: Trained,
    dataset: ReIDDataset,
    recipe: Recipe,
    *,
    with_baseline: bool,
    watcher: Watcher,
    stop: StopRequest,
) -> Outcome:
    settings = _test_settings(recipe, dataset)

    def watched(what: str, asked: int) -> Progress:
        tell = watcher.on_images(what, asked + len(dataset.gallery))

        def on_batch(count: int) -> None:
            tell(count)
            stop.obey("after training, while testing; the state is saved")

        return on_batch

    query, gallery = embed_test(
        trained.model,
        dataset,
        settings=settings,
        batch_size=recipe.test.batch_size,
        workers=recipe.workers,
        on_batch=watched("testing", len(asked_images(dataset, settings))),
    )
    baseline = None
    if with_baseline:
        tell = watched("colour histogram", len(dataset.query))
        baseline = score_baseline(dataset, settings=settings, on_batch=tell)
    return _outcome(query, gallery, recipe, settings, baseline)


def _write_failures(
    run: RunFolder,
    outcome: Outcome | None,
    dataset: ReIDDataset,
    card: ModelCard,
    *,
    watcher: Watcher,
    stop: StopRequest,
) -> str | None:
    """Write the page of what the model gets wrong, in place of an earlier one of the same run.

    Returns its path from the report; None for a test whose galleries are drawn, or for no test.
    """
    if outcome is None or outcome.settings.protocol == "single-shot":
        return None

    def watched(what: str, total: int) -> Progress:
        tell = watcher.on_images(what, total)

        def on_pictures(count: int) -> None:
            tell(count)
            stop.obey("after training, before the report; the state is saved")

        return on_pictures

    remove_folder(run.failures)
    written = write_failures(
        run.failures,
        outcome.embeddings,
        dataset,
        card,
        settings=outcome.settings,
        on_images=watched,
    )
    return written.page.relative_to(run.path).as_posix()


def _outcome(
    query: Embeddings,
    gallery: Embeddings,
    recipe: Recipe,
    settings: EvaluationSettings,
    baseline: AnyScores | None,
) -> Outcome:
    """The scores of embeddings, and by camera pair where there are some and that can be."""
    metric = recipe.test.metric
    scores = score_embeddings(query, gallery, metric=metric, settings=settings)
    not_reranked: AnyScores | None = None
    pairs: tuple[CameraPair, ...] = ()
    if settings.rerank:
        by_distance = EvaluationSettings(protocol=settings.protocol)
        not_reranked = score_embeddings(query, gallery, metric=metric, settings=by_distance)
    if settings.protocol != "single-shot" and query.camids is not None:
        leaves_out = settings.leaves_out_cameras
        pairs = camera_pairs(query, gallery, metric=metric, leaves_out_cameras=leaves_out)
    return Outcome(scores, baseline, (query, gallery), settings, not_reranked, pairs)


def score_baseline(
    dataset: ReIDDataset,
    *,
    settings: EvaluationSettings = PLAIN,
    on_batch: Progress | None = None,
) -> AnyScores:
    """The scores of the colour histogram, compared by cosine, on a data set's test people.

    Of `settings` only the protocol is taken.
    """
    both = embed_by_colour((*dataset.query, *dataset.gallery), on_batch=on_batch)
    query, gallery = split_embeddings(both, len(dataset.query))
    protocol = EvaluationSettings(protocol=settings.protocol).resolve(dataset)
    return score_embeddings(query, gallery, metric="cosine", settings=protocol)


def _describe(
    trained: Trained, dataset: ReIDDataset, recipe: Recipe, run: RunFolder, outcome: Outcome | None
) -> ModelCard:
    """Save the weights, and say all that is known about them."""
    environment = run.read_environment()
    return ModelCard(
        crosscam=environment["crosscam"],
        architecture=recipe.model,
        num_classes=trained.model.num_classes,
        feature_dim=trained.model.feature_dim,
        input=InputCard.of(trained.model.preprocess),
        metric=recipe.test.metric,
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
        weights_sha256=save_weights(run.path, trained.model),
    )


def _all_scores(dataset: ReIDDataset, outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        return {}
    settings = outcome.settings.to_json()
    scores: dict[str, Any] = {dataset.name: {**outcome.scores.to_json(), "settings": settings}}
    if outcome.baseline is not None:
        scores[f"{dataset.name} colour histogram"] = outcome.baseline.to_json()
    return scores
