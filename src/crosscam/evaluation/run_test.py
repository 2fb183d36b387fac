"""Testing a model that was just trained: scores, baseline, camera pairs, decisions."""

from crosscam.data.progress import OnImages
from crosscam.decisions.bootstrap import confidence_intervals
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
from crosscam.evaluation.outcome import Kind, Outcome
from crosscam.evaluation.switches import apply_protocol
from crosscam.ranking.ranked import rank_gallery
from crosscam.ranking.scoring import score_ranking
from crosscam.recipe import Recipe
from crosscam.settings.evaluation import PLAIN, EvaluationSettings
from crosscam.types import AnyScores, Embeddings, Ranking, ReIDDataset


def resolve_settings(recipe: Recipe, dataset: ReIDDataset) -> EvaluationSettings:
    """How the recipe's model is tested on these data, if there is anything to test on."""
    settings = recipe.test.settings
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
    """All that the embeddings give, of one ranking."""
    metric = embedder.metric
    ranking = rank_gallery(
        query,
        gallery,
        metric=metric,
        leaves_out_cameras=settings.leaves_out_cameras,
        clothes=settings.clothes,
    )
    scores = score_embeddings(query, gallery, metric=metric, settings=settings, ranking=ranking)
    tested: dict[Kind, AnyScores] = {"scores": scores}
    pairs: tuple[CameraPair, ...] = ()
    if settings.rerank:
        tested["not_reranked"] = score_ranking(ranking)
    if baseline is not None:
        tested["baseline"] = baseline
    if settings.protocol != "single-shot" and query.camids is not None:
        pairs = camera_pairs(query, gallery, ranking)
    return Outcome(
        scores,
        baseline,
        (query, gallery),
        ranking,
        {kind: confidence_intervals(one, query.pids) for kind, one in tested.items()},
        settings,
        tested.get("not_reranked"),
        pairs,
        _decisions(apply_protocol(query, gallery, settings), ranking, embedder, settings),
    )


def _decisions(
    sides: tuple[Embeddings, Embeddings],
    ranking: Ranking,
    embedder: Embedder,
    settings: EvaluationSettings,
) -> Decisions | None:
    try:
        return decide(
            *sides,
            metric=ranking.metric,
            calibration=embedder.calibration,
            clothes=settings.clothes,
            ranking=ranking,
        )
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
