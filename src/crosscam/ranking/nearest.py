"""Looking at single rankings: the nearest gallery images of a query, and pairs' distances."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from crosscam.ranking.distances import pair_distances
from crosscam.types import Embeddings, Float64s, Int64s, Metric


@dataclass(frozen=True, eq=False)
class Ranking:
    """The beginning of one query's ranking, nearest first.

    `indices` are (k,) positions in the gallery, `correct` (k,) whether each shows the query's
    person, `distances` (k,) float64: Euclidean (not squared), or 1 - cosine.
    """

    query: int
    indices: Int64s
    correct: NDArray[np.bool_]
    distances: Float64s


def rank_one(
    query: int, queries: Embeddings, gallery: Embeddings, *, metric: Metric, first: int
) -> Ranking:
    """The `first` nearest gallery images of one query, without those that do not count for it."""
    valid = _valid(query, queries, gallery)
    distances = _distances(query, queries, gallery, valid, metric)
    same = gallery.pids[valid] == queries.pids[query]
    order = np.lexsort((same, distances))[:first]  # of a tie the wrong one first, as in scoring
    return Ranking(query, valid[order], same[order], distances[order])


def sample_distances(
    queries: Embeddings, gallery: Embeddings, *, metric: Metric, max_queries: int = 200
) -> tuple[Float64s, Float64s]:
    """Distances of pairs of the same and of different people, for queries spread over them all."""
    count = min(max_queries, len(queries.pids))
    same, different = [], []
    for query in np.linspace(0, len(queries.pids) - 1, count).astype(int):
        valid = _valid(query, queries, gallery)
        distances = _distances(query, queries, gallery, valid, metric)
        is_same = gallery.pids[valid] == queries.pids[query]
        same.append(distances[is_same])
        different.append(distances[~is_same])
    return np.concatenate(same), np.concatenate(different)


def _valid(query: int, queries: Embeddings, gallery: Embeddings) -> Int64s:
    left_out = gallery.pids == -1
    if queries.camids is not None and gallery.camids is not None:
        same_camera = gallery.camids == queries.camids[query]
        left_out |= same_camera & (gallery.pids == queries.pids[query])
    return np.flatnonzero(~left_out)


def _distances(
    query: int, queries: Embeddings, gallery: Embeddings, columns: Int64s, metric: Metric
) -> Float64s:
    one = torch.from_numpy(queries.features[query]).expand(len(columns), -1)
    distances: NDArray[Any] = pair_distances(
        one, torch.from_numpy(gallery.features[columns]), metric
    ).numpy()
    return np.sqrt(distances) if metric == "euclidean" else distances
