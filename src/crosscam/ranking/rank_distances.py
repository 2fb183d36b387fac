"""Ranking by distances that somebody else computed, such as re-ranked ones."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crosscam.arrays import DistancesLike, LabelsLike, take_array, take_integers
from crosscam.errors import InputError
from crosscam.ranking.matches import JUNK, Labels
from crosscam.ranking.scoring import Ranks, check_size, score_ranks
from crosscam.types import Int64s, Scores


def rank_distances(
    distances: DistancesLike | Iterable[DistancesLike],
    query_pids: LabelsLike,
    gallery_pids: LabelsLike,
    query_camids: LabelsLike | None = None,
    gallery_camids: LabelsLike | None = None,
    *,
    max_rank: int = 50,
) -> Scores:
    """`rank` by the same rules, of distances as they come: two are equal only if their numbers are.

    `distances` is a (Q, G) NumPy array or torch tensor, or an iterable of blocks of consecutive
    rows of one, (q, G) each, of which one is held at a time; none of them is NaN. The rest is as
    for `rank`. Raises `InputError` for shapes and labels that do not fit, and for
    masked, sparse and object arrays.
    """
    query_pids = take_integers(query_pids, None, "query_pids")
    gallery_pids = take_integers(gallery_pids, None, "gallery_pids")
    queries, gallery = len(query_pids), len(gallery_pids)
    labels = Labels.of(
        query_pids, gallery_pids, query_camids, gallery_camids, queries=queries, gallery=gallery
    )
    return rank_labelled_distances(distances, labels, max_rank=max_rank)


def rank_labelled_distances(
    distances: DistancesLike | Iterable[DistancesLike], labels: Labels, *, max_rank: int = 50
) -> Scores:
    """`rank_distances` of queries and a gallery whose labels are checked."""
    check_size("max_rank", max_rank)
    whole = isinstance(distances, np.ndarray | Tensor) or hasattr(distances, "toarray")
    queries, gallery = len(labels.query_pids), len(labels.gallery_pids)
    parts, done = [], 0
    for block in [distances] if whole else distances:
        taken = take_array(block, "distances")
        rows = taken.cpu().numpy() if isinstance(taken, Tensor) else taken
        if rows.ndim != 2 or rows.shape[1] != gallery or done + len(rows) > queries:
            raise InputError(
                f"distances must be ({queries}, {gallery}) in all, but the rows from {done} on are "
                f"{rows.shape}"
            )
        parts.append(_rank_rows(rows, labels, done))
        done += len(rows)
    if done != queries:
        raise InputError(f"distances have {done} rows, but there are {queries} query pids")
    return score_ranks(parts, max_rank)


def _rank_rows(rows: NDArray[Any], labels: Labels, first: int) -> Ranks:
    matches = labels.matches(first, first + len(rows))
    wrong = np.empty(len(matches.positives), dtype=np.int64)
    is_wrong = np.empty(rows.shape[1], dtype=bool)
    for row, distances in enumerate(rows):
        if np.isnan(distances).any():
            raise InputError(f"the distances of query {first + row} hold NaN")
        here = slice(*matches.offsets[row : row + 2])
        targets = np.sort(distances[matches.positives[here]])
        if not len(targets):
            continue
        np.less_equal(distances, targets[-1], out=is_wrong)
        is_wrong[matches.own[slice(*matches.own_offsets[row : row + 2])]] = False
        nearest = np.flatnonzero(is_wrong)
        nearest = nearest[labels.gallery_pids[nearest] != JUNK]
        wrong[here] = _count_not_above(distances[nearest], targets)
    return Ranks.of(matches.offsets, wrong)


def _count_not_above(values: NDArray[Any], targets: NDArray[Any]) -> Int64s:
    """How many values are not above each of the rising targets."""
    reached = np.searchsorted(targets, values, "left")  # the first target that a value counts for
    counts: Int64s = np.cumsum(np.bincount(reached, minlength=len(targets))[: len(targets)])
    return counts
