"""What a test found and what it missed, query by query, in the order by distance."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from crosscam.ranking.distances import pair_distances
from crosscam.ranking.matches import JUNK, Labels
from crosscam.ranking.neighbours import nearest
from crosscam.ranking.rank import rank_matches
from crosscam.ranking.scoring import score_ranks
from crosscam.types import Embeddings, Float64s, Int64s, Metric, Scores

SHOWN, NEAR = 20, 5
KINDS = ("right", "near", "later", "beyond", "unmatched")
NOBODY = -1
_PAIRS = 4096  # whose features are copied at a time
Probability = Callable[[Float64s], Float64s]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of a query and a gallery image, query after query.

    Those of query i stand at `offsets[i]` to `offsets[i + 1]`. `images` are (P,) positions in the
    gallery, `distances` (P,) float64: Euclidean (not squared), or 1 - cosine.
    """

    offsets: Int64s
    images: Int64s
    distances: Float64s

    def queries(self) -> Int64s:
        """The query of each pair: (P,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    def nearest_first(self, kept: NDArray[np.bool_]) -> "Pairs":
        """The pairs that are `kept`, (P,), those of a query by distance."""
        queries = self.queries()
        order = np.lexsort((self.distances, queries))
        order = order[kept[order]]
        counts = np.bincount(queries[order], minlength=len(self.offsets) - 1)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return Pairs(offsets, self.images[order], self.distances[order])


@dataclass(frozen=True, eq=False)
class Failures:
    """The beginning of each query's ranking, and all of its true matches.

    A place in `ranked`, (Q, K), is a rank by the rules of `crosscam.rank`: a tie counts against the
    model. It holds the position of a gallery image, or -1 behind the end of a short gallery;
    `is_match` and `distances`, (Q, K), say of each whether it shows the query's person, and how far
    away it is.

    `matches` are the true matches that count, nearest first, with their `match_ranks`, (P,). `own`
    are all gallery images of the queries' people, nearest first, those of the query's own camera
    too. `scores` are those of the ranking.

    `kinds` are (Q,) positions in `KINDS`: the first true match is at rank 1; at 2 to 5; at 6 to
    20; later; or the gallery has none. `worst_first` are the queries by falling rank of their first
    true match, of equal ones by rising average precision; those without a match come last.
    """

    ranked: Int64s
    is_match: NDArray[np.bool_]
    distances: Float64s
    matches: Pairs
    match_ranks: Int64s
    own: Pairs
    scores: Scores
    kinds: Int64s
    worst_first: Int64s

    def counts(self) -> dict[str, int]:
        """How many queries are of each kind."""
        counts = np.bincount(self.kinds, minlength=len(KINDS))
        return dict(zip(KINDS, counts.tolist(), strict=True))


def find_failures(query: Embeddings, gallery: Embeddings, *, metric: Metric) -> Failures:
    """Rank the gallery for each query, exactly, and look at what comes first.

    Where camids are not None, gallery images of the query's person and camera do not count; those
    of pid -1 never do. Raises `InputError` if no query has a true match, or for features that
    cannot be compared.
    """
    labels = Labels.between(query, gallery)
    found = labels.matches(0, len(query.pids))
    queries = np.repeat(np.arange(len(query.pids)), np.diff(found.own_offsets))
    own = Pairs(
        found.own_offsets, found.own, measure(query, gallery, queries, found.own, metric)
    ).nearest_first(query.pids[queries] != JUNK)
    matches = own.nearest_first(_other_cameras(own, query, gallery))
    ranks = rank_matches(query, gallery, metric=metric)
    scores = score_ranks([ranks], SHOWN)
    wrong = _nearest_others(query, gallery, metric, most_own=int(labels.counts().max(initial=0)))
    ranked, is_match = _ranked(wrong, matches, ranks.ranks)
    return Failures(
        ranked,
        is_match,
        _distances(query, gallery, ranked, metric),
        matches,
        ranks.ranks,
        own,
        scores,
        _kinds(scores.first_match_ranks),
        _worst_first(scores),
    )


def measure(
    query: Embeddings, gallery: Embeddings, queries: Int64s, images: Int64s, metric: Metric
) -> Float64s:
    """The distances of (P,) queries to (P,) gallery images, by position: (P,), as shown."""
    ours, theirs = torch.from_numpy(query.features), torch.from_numpy(gallery.features)
    distances = np.empty(len(images))
    for start in range(0, len(images), _PAIRS):
        some = slice(start, start + _PAIRS)
        distances[some] = pair_distances(ours[queries[some]], theirs[images[some]], metric)
    return np.sqrt(distances) if metric == "euclidean" else distances


def _other_cameras(own: Pairs, query: Embeddings, gallery: Embeddings) -> NDArray[np.bool_]:
    """Which of the pairs are not of one camera: all where there are no camids."""
    other = np.ones(len(own.images), dtype=bool)
    if query.camids is not None and gallery.camids is not None:
        other = query.camids[own.queries()] != gallery.camids[own.images]
    return other


def _nearest_others(
    query: Embeddings, gallery: Embeddings, metric: Metric, *, most_own: int
) -> Int64s:
    """The nearest gallery images of other people, nearest first, (Q, 20); -1 where there are none.

    No query's person has more than `most_own` images, so that many more are searched, of whomever.
    """
    ranked = np.flatnonzero(gallery.pids != JUNK)
    wrong = np.full((len(query.pids), SHOWN), NOBODY)
    found = nearest(
        query.features,
        gallery.features[ranked],
        k=min(len(ranked), SHOWN + most_own),
        metric=metric,
    )
    images = ranked[found.indices]
    is_wrong = gallery.pids[images] != query.pids[:, None]
    place = np.cumsum(is_wrong, axis=1) - 1
    rows, columns = np.nonzero(is_wrong & (place < SHOWN))
    wrong[rows, place[rows, columns]] = images[rows, columns]
    return wrong


def _ranked(wrong: Int64s, matches: Pairs, ranks: Int64s) -> tuple[Int64s, NDArray[np.bool_]]:
    """True matches at their ranks, and the others in the places between: (Q, 20) each."""
    is_match = np.zeros(wrong.shape, dtype=bool)
    early = ranks <= SHOWN
    places = matches.queries()[early], ranks[early] - 1
    is_match[places] = True
    before = np.maximum(np.cumsum(~is_match, axis=1) - 1, 0)
    ranked = np.take_along_axis(wrong, before, axis=1)
    ranked[places] = matches.images[early]
    return ranked, is_match


def _distances(query: Embeddings, gallery: Embeddings, ranked: Int64s, metric: Metric) -> Float64s:
    """(Q, 20); NaN where there is no image."""
    distances = np.full(ranked.shape, np.nan)
    rows, columns = np.nonzero(ranked != NOBODY)
    images = ranked[rows, columns]
    distances[rows, columns] = measure(query, gallery, rows, images, metric)
    return distances


def _kinds(first: Int64s) -> Int64s:
    kinds = np.searchsorted([1, NEAR, SHOWN], first, side="left")
    return np.where(first == 0, KINDS.index("unmatched"), kinds)


def _worst_first(scores: Scores) -> Int64s:
    first = scores.first_match_ranks
    return np.lexsort((scores.average_precisions, -first, first == 0))
