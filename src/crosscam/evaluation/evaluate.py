"""From a model and a data set to scores, by the data set's own protocol."""

from crosscam.errors import DataError
from crosscam.evaluation.embedding import Progress, embed
from crosscam.evaluation.ranking import rank
from crosscam.models.base import ReIDModel
from crosscam.types import Embeddings, Metric, ReIDDataset, Scores


def evaluate(
    model: ReIDModel,
    dataset: ReIDDataset,
    *,
    metric: Metric | None = None,
    batch_size: int = 100,
    workers: int = 0,
    max_rank: int = 50,
) -> Scores:
    """Embed the query and the gallery with `model`, on the device where it is, and rank them.

    `metric` compares the features as they come; None takes the model's own. Raises `DataError` if
    the data set has no query and gallery, or for a broken picture.
    """
    query, gallery = embed_test(model, dataset, batch_size=batch_size, workers=workers)
    return rank_embeddings(query, gallery, metric=metric or model.metric, max_rank=max_rank)


def embed_test(
    model: ReIDModel,
    dataset: ReIDDataset,
    *,
    batch_size: int = 100,
    workers: int = 0,
    on_batch: Progress | None = None,
) -> tuple[Embeddings, Embeddings]:
    """The embeddings of a data set's query and gallery."""
    if not dataset.query:
        raise DataError(f"data set {dataset.name!r} has no query and gallery to evaluate on")
    samples = (*dataset.query, *dataset.gallery)
    both = embed(model, samples, batch_size=batch_size, workers=workers, on_batch=on_batch)
    return split_embeddings(both, len(dataset.query))


def split_embeddings(both: Embeddings, num_queries: int) -> tuple[Embeddings, Embeddings]:
    """Embeddings of queries followed by a gallery, taken apart."""
    camids = both.camids
    return (
        Embeddings(
            both.features[:num_queries],
            both.pids[:num_queries],
            None if camids is None else camids[:num_queries],
        ),
        Embeddings(
            both.features[num_queries:],
            both.pids[num_queries:],
            None if camids is None else camids[num_queries:],
        ),
    )


def rank_embeddings(
    query: Embeddings, gallery: Embeddings, *, metric: Metric, max_rank: int = 50
) -> Scores:
    """`rank` on embeddings."""
    return rank(
        query.features,
        gallery.features,
        query.pids,
        gallery.pids,
        query.camids,
        gallery.camids,
        metric=metric,
        max_rank=max_rank,
    )
