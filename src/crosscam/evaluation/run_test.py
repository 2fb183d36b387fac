"""Testing a model that was just trained: scores, baseline, camera pairs, decisions."""

from dataclasses import replace

from crosscam.data.progress import OnImages
from crosscam.decisions.calibration import Calibration
from crosscam.decisions.decide import Decisions, decide
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.histogram import embed_by_colour
from crosscam.embedding.samples import Progress
from crosscam.errors import InputError
from crosscam.evaluation.camera_pairs import CameraPair, camera_pairs
from crosscam.evaluation.evaluate import (
    asked_images,
    embed_test,
    score_embeddings,
    split_embeddings,
)
from crosscam.evaluation.outcome import Outcome
from crosscam.evaluation.settings import PLAIN, EvaluationSettings
from crosscam.recipe import Recipe
from crosscam.types import AnyScores, Embeddings, Metric, ReIDDataset


def resolve_settings(recipe: Recipe, dataset: ReIDDataset) -> EvaluationSettings:
    """How the recipe's model is tested on these data, if there is anything to test on."""
    settings = EvaluationSettings.of(recipe.test)
    return settings.resolve(dataset) if dataset.query else settings


def run_test(
    embedder: Embedder,
    dataset: ReIDDataset,
    recipe: Recipe,
    *,
    with_baseline: bool,
    on_images: OnImages,
) -> Outcome:
    """Test a trained model by its recipe, on the query and the gallery of a data set."""
    settings = resolve_settings(recipe, dataset)
    asked = len(asked_images(dataset, settings))
    query, gallery = embed_test(
        embedder,
        dataset,
        settings=settings,
        batch_size=recipe.test.batch_size,
        workers=recipe.workers,
        on_batch=on_images("testing", asked + len(dataset.gallery)),
    )
    baseline = None
    if with_baseline:
        total = len(dataset.query) + len(dataset.gallery)
        tell = on_images("colour histogram", total)
        baseline = score_baseline(dataset, settings=settings, workers=recipe.workers, on_batch=tell)
    return _outcome(query, gallery, embedder, settings, baseline)


def _outcome(
    query: Embeddings,
    gallery: Embeddings,
    embedder: Embedder,
    settings: EvaluationSettings,
    baseline: AnyScores | None,
) -> Outcome:
    """All that the embeddings give: by camera pair and by decision where there are some."""
    metric = embedder.metric
    scores = score_embeddings(query, gallery, metric=metric, settings=settings)
    not_reranked: AnyScores | None = None
    pairs: tuple[CameraPair, ...] = ()
    if settings.rerank:
        by_distance = EvaluationSettings(protocol=settings.protocol)
        not_reranked = score_embeddings(query, gallery, metric=metric, settings=by_distance)
    if settings.protocol != "single-shot" and query.camids is not None:
        leaves_out = settings.leaves_out_cameras
        pairs = camera_pairs(query, gallery, metric=metric, leaves_out_cameras=leaves_out)
    outcome = Outcome(scores, baseline, (query, gallery), settings, not_reranked, pairs)
    return replace(outcome, decisions=_decisions(outcome, metric, embedder.calibration))


def _decisions(
    outcome: Outcome, metric: Metric, calibration: Calibration | None
) -> Decisions | None:
    try:
        return decide(*outcome.counted(), metric=metric, calibration=calibration)
    except InputError:  # one person alone is in the gallery, so no pair is of two
        return None


def score_baseline(
    dataset: ReIDDataset,
    *,
    settings: EvaluationSettings = PLAIN,
    workers: int = 0,
    on_batch: Progress | None = None,
) -> AnyScores:
    """The scores of the colour histogram, compared by cosine, on a data set's test people.

    Of `settings` only the protocol is taken.
    """
    both = embed_by_colour((*dataset.query, *dataset.gallery), workers=workers, on_batch=on_batch)
    query, gallery = split_embeddings(both, len(dataset.query))
    protocol = EvaluationSettings(protocol=settings.protocol).resolve(dataset)
    return score_embeddings(query, gallery, metric="cosine", settings=protocol)
