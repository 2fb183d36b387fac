"""From a model and a data set to scores, by the data set's own protocol."""

from collections.abc import Sequence

from crosscam.embedding.embed import Progress, embed
from crosscam.errors import DataError
from crosscam.evaluation.pooling import pool_queries
from crosscam.evaluation.settings import PLAIN, EvaluationSettings
from crosscam.evaluation.switches import expanded, reranked_distances, without_cameras
from crosscam.models.base import ReIDModel
from crosscam.ranking.rank import rank_embeddings
from crosscam.ranking.rank_distances import rank_distances
from crosscam.ranking.single_shot import rank_single_shot
from crosscam.types import AnyScores, Embeddings, Metric, ReIDDataset, Sample


def evaluate(
    model: ReIDModel,
    dataset: ReIDDataset,
    *,
    metric: Metric | None = None,
    settings: EvaluationSettings = PLAIN,
    batch_size: int = 100,
    workers: int = 0,
    max_rank: int = 50,
) -> AnyScores:
    """Embed the query and the gallery with `model`, on the device where it is, and rank them.

    `metric` compares the features as they come; None takes the model's own. Scores are those of the
    data set's own protocol, unless `settings` name another: `ExpectedScores` for "single-shot",
    which is that of the classic splits of CUHK03, else `Scores`. Raises `DataError` if the data set
    has no query and gallery, or for a broken picture, and whatever `settings` refuse of it.
    """
    resolved = settings.resolve(dataset)
    query, gallery = embed_test(
        model, dataset, settings=resolved, batch_size=batch_size, workers=workers
    )
    return score_embeddings(
        query, gallery, metric=metric or model.metric, settings=resolved, max_rank=max_rank
    )


def embed_test(
    model: ReIDModel,
    dataset: ReIDDataset,
    *,
    settings: EvaluationSettings = PLAIN,
    batch_size: int = 100,
    workers: int = 0,
    on_batch: Progress | None = None,
) -> tuple[Embeddings, Embeddings]:
    """The embeddings of a data set's query and gallery, pooled and expanded as `settings` ask."""
    if not dataset.query:
        raise DataError(f"data set {dataset.name!r} has no query and gallery to evaluate on")
    asked = asked_images(dataset, settings)
    both = embed(
        model,
        (*asked, *dataset.gallery),
        batch_size=batch_size,
        workers=workers,
        flip=settings.flip,
        on_batch=on_batch,
    )
    query, gallery = split_embeddings(both, len(asked))
    if settings.multi_query is not None:
        query = pool_queries(dataset.query, query, settings.multi_query)
    return expanded(query, gallery, settings)


def asked_images(dataset: ReIDDataset, settings: EvaluationSettings) -> Sequence[Sample]:
    """The images that queries are made of: themselves, or all that multi-query pools."""
    return dataset.query if settings.multi_query is None else dataset.multi_query


def split_embeddings(both: Embeddings, num_queries: int) -> tuple[Embeddings, Embeddings]:
    """Embeddings of queries followed by a gallery, taken apart."""
    camids = both.camids
    return (
        Embeddings(
            both.features[:num_queries],
            both.pids[:num_queries],
            None if camids is None else camids[:num_queries],
            both.made_by,
        ),
        Embeddings(
            both.features[num_queries:],
            both.pids[num_queries:],
            None if camids is None else camids[num_queries:],
            both.made_by,
        ),
    )


def score_embeddings(
    query: Embeddings,
    gallery: Embeddings,
    *,
    metric: Metric,
    settings: EvaluationSettings,
    max_rank: int = 50,
) -> AnyScores:
    """The scores of what `embed_test` gave, by the protocol and the re-ranking of `settings`.

    A protocol of None is "cross-camera".
    """
    if settings.protocol == "single-shot":
        return rank_single_shot(query, gallery, metric=metric, max_rank=max_rank)
    if not settings.leaves_out_cameras:
        query, gallery = without_cameras(query), without_cameras(gallery)
    if not settings.rerank:
        return rank_embeddings(query, gallery, metric=metric, max_rank=max_rank)
    return rank_distances(
        reranked_distances(query, gallery, metric=metric, settings=settings),
        query.pids,
        gallery.pids,
        query.camids,
        gallery.camids,
        max_rank=max_rank,
    )
