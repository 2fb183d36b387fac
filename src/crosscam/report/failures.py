"""What a test found and what it missed, query by query, in the order by distance."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from crosscam.ranking.distances import in_units, pair_distances
from crosscam.ranking.ranked import FIRST, NOBODY
from crosscam.ranking.scoring import score_ranking
from crosscam.types import Embeddings, Float64s, Int64s, Metric, QueryPairs, Ranking, Scores

SHOWN, NEAR = FIRST, 5
KINDS = ("right", "near", "later", "beyond", "unmatched")
_PAIRS = 4096  # whose features are copied at a time
Probability = Callable[[Float64s], Float64s]


@dataclass(frozen=True, eq=False)
class Failures:
    """The beginning of each query's ranking, and all of its true matches.

    A place in `ranked`, (Q, K), is a rank by the rules of `crosscam.rank`: a tie counts against the
    model. It holds the position of a gallery image, or -1 behind the end of a short gallery;
    `is_match` and `distances`, (Q, K), say of each whether it shows the query's person, and how far
    away it is.

    Distances are Euclidean (not squared), or 1 - cosine. `matches` are the true matches that count,
    nearest first, with their `match_ranks`, (P,). `own` are all gallery images of the queries'
    people, nearest first, those of the query's own camera too. `scores` are those of the ranking.

    `kinds` are (Q,) positions in `KINDS`: the first true match is at rank 1; at 2 to 5; at 6 to
    20; later; or the gallery has none. `worst_first` are the queries by falling rank of their first
    true match, of equal ones by rising average precision; those without a match come last.
    """

    ranked: Int64s
    is_match: NDArray[np.bool_]
    distances: Float64s
    matches: QueryPairs
    match_ranks: Int64s
    own: QueryPairs
    scores: Scores
    kinds: Int64s
    worst_first: Int64s

    def counts(self) -> dict[str, int]:
        """How many queries are of each kind."""
        counts = np.bincount(self.kinds, minlength=len(KINDS))
        return dict(zip(KINDS, counts.tolist(), strict=True))


def find_failures(ranking: Ranking) -> Failures:
    """Look at what comes first in a ranking, which has 20 wrong images of each query.

    Raises `InputError` if no query has a true match.
    """
    scores, first = score_ranking(ranking, max_rank=SHOWN), ranking.first()
    distances = in_units(first.distances, ranking.metric)
    return Failures(
        first.images,
        first.is_match,
        np.where(first.images == NOBODY, np.nan, distances),
        _as_shown(ranking.matches, ranking.metric),
        ranking.ranks,
        _as_shown(ranking.own, ranking.metric),
        scores,
        _kinds(scores.first_match_ranks),
        _worst_first(scores),
    )


def _as_shown(pairs: QueryPairs, metric: Metric) -> QueryPairs:
    return replace(pairs, distances=in_units(pairs.distances, metric))


def measure(
    query: Embeddings, gallery: Embeddings, queries: Int64s, images: Int64s, metric: Metric
) -> Float64s:
    """The distances of (P,) queries to (P,) gallery images, by position: (P,), as shown."""
    ours, theirs = torch.from_numpy(query.features), torch.from_numpy(gallery.features)
    distances = np.empty(len(images))
    for start in range(0, len(images), _PAIRS):
        some = slice(start, start + _PAIRS)
        distances[some] = pair_distances(ours[queries[some]], theirs[images[some]], metric)
    return in_units(distances, metric)


def _kinds(first: Int64s) -> Int64s:
    kinds = np.searchsorted([1, NEAR, SHOWN], first, side="left")
    return np.where(first == 0, KINDS.index("unmatched"), kinds)


def _worst_first(scores: Scores) -> Int64s:
    first = scores.first_match_ranks
    return np.lexsort((scores.average_precisions, -first, first == 0))
