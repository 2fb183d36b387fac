"""From a model and a data set to scores, by the data set's own protocol."""

from collections.abc import Sequence
from dataclasses import replace

from crosscam.data.transforms import Preprocess
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.samples import Progress, embed_samples, labels_of
from crosscam.errors import DataError, InputError
from crosscam.evaluation.cameras import as_known
from crosscam.evaluation.pooling import pool_queries
from crosscam.evaluation.switches import apply_protocol, expanded, reranked_distances
from crosscam.models.base import ReIDModel
from crosscam.ranking.matches import Labels
from crosscam.ranking.rank import rank_embeddings
from crosscam.ranking.rank_distances import rank_labelled_distances
from crosscam.ranking.scoring import score_ranking
from crosscam.ranking.single_shot import rank_single_shot
from crosscam.settings.evaluation import PLAIN, EvaluationSettings
from crosscam.types import AnyScores, Embeddings, Metric, Ranking, ReIDDataset, Sample


def evaluate(
    model: Embedder | ReIDModel,
    dataset: ReIDDataset,
    *,
    preprocess: Preprocess | None = None,
    metric: Metric | None = None,
    settings: EvaluationSettings = PLAIN,
    batch_size: int = 100,
    workers: int = 0,
    max_rank: int = 50,
) -> AnyScores:
    """Embed the query and the gallery with `model`, on the device where it is, and rank them.

    `model` is an `Embedder`, or a network, whose pictures are put through `preprocess`; None is its
    own, see `Embedder.of_network`. `metric` compares the features as they come; None takes the
    model's own. Scores are those of the data set's own protocol, unless `settings` name another:
    `ExpectedScores` for "single-shot", which is that of the classic splits of CUHK03, else
    `Scores`. Raises `DataError` if the data set has no query and gallery, or for a broken picture,
    whatever `settings` refuse of it, and `InputError` for an embedder with another `preprocess`.
    """
    embedder = _as_embedder(model, preprocess)
    resolved = settings.resolve(dataset)
    query, gallery = embed_test(
        embedder, dataset, settings=resolved, batch_size=batch_size, workers=workers
    )
    return score_embeddings(
        query, gallery, metric=metric or embedder.metric, settings=resolved, max_rank=max_rank
    )


def _as_embedder(model: Embedder | ReIDModel, preprocess: Preprocess | None) -> Embedder:
    if not isinstance(model, Embedder):
        return Embedder.of_network(model, preprocess)
    if preprocess is not None:
        raise InputError(
            "an embedder has a preprocessing of its own; leave preprocess out, or make another "
            "embedder of it with dataclasses.replace"
        )
    return model


def embed_test(
    embedder: Embedder,
    dataset: ReIDDataset,
    *,
    settings: EvaluationSettings = PLAIN,
    batch_size: int = 100,
    workers: int = 0,
    on_batch: Progress | None = None,
) -> tuple[Embeddings, Embeddings]:
    """The embeddings of a data set's query and gallery, pooled and expanded as `settings` ask.

    `on_batch` is told how many pictures are done after each batch. Raises `DataError` if the data
    set has no query and gallery, or for a broken picture.
    """
    if not dataset.query:
        raise DataError(f"data set {dataset.name!r} has no query and gallery to evaluate on")
    asked = asked_images(dataset, settings)
    samples = (*asked, *dataset.gallery)
    both = embed_samples(
        embedder,
        as_known(embedder, dataset, samples),
        batch_size=batch_size,
        workers=workers,
        flip=settings.flip,
        on_batch=on_batch,
    )
    if embedder.network.uses_cameras:
        both = replace(both, camids=labels_of(samples)[1])
    query, gallery = split_embeddings(both, len(asked))
    if settings.multi_query is not None:
        query = pool_queries(dataset.query, query, settings.multi_query)
    return expanded(query, gallery, settings)


def asked_images(dataset: ReIDDataset, settings: EvaluationSettings) -> Sequence[Sample]:
    """The images that queries are made of: themselves, or all that multi-query pools."""
    return dataset.query if settings.multi_query is None else dataset.multi_query


def split_embeddings(both: Embeddings, num_queries: int) -> tuple[Embeddings, Embeddings]:
    """Embeddings of queries followed by a gallery, taken apart."""
    query, gallery = (
        Embeddings(
            both.features[rows],
            both.pids[rows],
            None if both.camids is None else both.camids[rows],
            both.made_by,
            None if both.clothes is None else both.clothes[rows],
        )
        for rows in (slice(num_queries), slice(num_queries, None))
    )
    return query, gallery


def score_embeddings(
    query: Embeddings,
    gallery: Embeddings,
    *,
    metric: Metric,
    settings: EvaluationSettings,
    max_rank: int = 50,
    ranking: Ranking | None = None,
) -> AnyScores:
    """The scores of what `embed_test` gave, by the protocol and the re-ranking of `settings`.

    A protocol of None is "cross-camera". `ranking` is that of these embeddings if it is there
    already.
    """
    if settings.protocol == "single-shot":
        return rank_single_shot(query, gallery, metric=metric, max_rank=max_rank)
    query, gallery = apply_protocol(query, gallery, settings)
    if not settings.rerank and ranking is not None:
        return score_ranking(ranking, max_rank=max_rank)
    if not settings.rerank:
        return rank_embeddings(
            query, gallery, metric=metric, max_rank=max_rank, clothes=settings.clothes
        )
    return rank_labelled_distances(
        reranked_distances(query, gallery, metric=metric, settings=settings),
        Labels.between(query, gallery, clothes=settings.clothes),
        max_rank=max_rank,
    )
