"""How far apart pairs of the same and of different people are: exact counts in fine bins.

Of all pairs of a query and a gallery image, as far as the protocol lets them count: one of the same
person from another camera is *genuine*, one of two people an *impostor* (ISO/IEC 19795-1). The
distance matrix is never held: a block is computed in float64, sorted into bins, and forgotten.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from crosscam.decisions.bootstrap import resample_people
from crosscam.errors import InputError
from crosscam.ranking.distances import product_distances
from crosscam.ranking.matches import JUNK
from crosscam.ranking.product import blocks
from crosscam.types import Embeddings, Float64s, Int64s, Metric

BINS = 2**16
COARSE = 2**11  # bins that are kept for each person
_QUERIES, _GALLERY = 512, 4096  # of a block


@dataclass(frozen=True, eq=False)
class PairHistogram:
    """Pairs counted by distance: Euclidean (not squared), or 1 - cosine.

    `genuine` and `impostor` are (BINS,) int64; bin i holds the distances from `i * width` to below
    `(i + 1) * width`. `by_person` are the same for each of the P people of the queries, in bins
    `BINS / COARSE` times as wide: two (P, COARSE) int32 arrays.
    """

    width: float
    genuine: Int64s
    impostor: Int64s
    by_person: tuple[NDArray[np.int32], NDArray[np.int32]]

    @property
    def limits(self) -> Float64s:
        """The distance where each bin ends, (BINS,) float64: a pair of that bin is below it."""
        return self.width * np.arange(1, BINS + 1, dtype=np.float64)

    @property
    def centres(self) -> Float64s:
        """The distance in the middle of each bin, (BINS,) float64."""
        return self.limits - self.width / 2

    @property
    def coarse_centres(self) -> Float64s:
        """The same of the bins of `by_person`, (COARSE,) float64."""
        return self.width * (BINS // COARSE) * (np.arange(COARSE, dtype=np.float64) + 0.5)

    @property
    def coarse_limits(self) -> Float64s:
        """The distance where each of those ends, (COARSE,) float64."""
        return self.width * (BINS // COARSE) * np.arange(1, COARSE + 1, dtype=np.float64)

    def drawn_again(self, resamples: int) -> Iterator[tuple[Float64s, Float64s]]:
        """Genuine and impostor pairs of people drawn again: blocks of (r, COARSE) float64 each.

        Draws without any pair of a kind are left out.
        """
        genuine, impostor = (counts.astype(np.float64) for counts in self.by_person)
        for weights in resample_people(len(genuine), resamples=resamples, seed=0):
            same, other = weights @ genuine, weights @ impostor
            usable = same.any(axis=1) & other.any(axis=1)
            yield same[usable], other[usable]

    def rates_below(self, distance: float) -> tuple[float, float]:
        """The shares of impostor and of genuine pairs nearer than `distance`, to a bin's width."""
        bins = int(np.clip(round(distance / self.width), 0, BINS))
        return (
            float(self.impostor[:bins].sum() / self.impostor.sum()),
            float(self.genuine[:bins].sum() / self.genuine.sum()),
        )


def pair_histogram(query: Embeddings, gallery: Embeddings, *, metric: Metric) -> PairHistogram:
    """Count all pairs that count, by distance.

    As in `rank`, a gallery image of the query's person and camera does not count for it, nor does
    pid -1; without cameras nothing is left out for them. Raises `InputError` if lengths differ, for
    zero features with "cosine", and if there is no genuine or no impostor pair.
    """
    order = np.argsort(query.pids, kind="stable")
    order = order[query.pids[order] != JUNK]
    kept = np.flatnonzero(gallery.pids != JUNK)
    queries, others = query.features[order], gallery.features[kept]
    width = _span(queries, others, metric) / (BINS - 1)
    people, rows = np.unique(query.pids[order], return_inverse=True)
    counts = _Counts.empty(len(people))
    for asked, seen, distances in _blocks(queries, others, metric):
        mine, theirs = order[asked], kept[seen]
        same = query.pids[mine][:, None] == gallery.pids[theirs]
        genuine = same
        if query.camids is not None and gallery.camids is not None:
            genuine = same & (query.camids[mine][:, None] != gallery.camids[theirs])
        bins = np.minimum(distances / width, BINS - 1).astype(np.int32)
        counts.add(bins, rows[asked], genuine, ~same)
    if not counts.genuine.any() or not counts.impostor.any():
        lacking = "impostor" if counts.genuine.any() else "genuine"
        raise InputError(
            f"there is no {lacking} pair of a query and a gallery image: check the labels, or "
            "leave the camera ids out"
        )
    return PairHistogram(width, counts.genuine, counts.impostor, counts.by_person)


@dataclass(frozen=True, eq=False)
class _Counts:
    """Counts that blocks are added to, in place."""

    genuine: Int64s
    impostor: Int64s
    by_person: tuple[NDArray[np.int32], NDArray[np.int32]]

    @classmethod
    def empty(cls, people: int) -> "_Counts":
        genuine, impostor = np.zeros((2, BINS), dtype=np.int64)
        of_genuine, of_impostor = np.zeros((2, people, COARSE), dtype=np.int32)
        return cls(genuine, impostor, (of_genuine, of_impostor))

    def add(
        self,
        bins: NDArray[np.int32],
        rows: Int64s,
        genuine: NDArray[np.bool_],
        impostor: NDArray[np.bool_],
    ) -> None:
        """Add the bins of a block; its queries' people stand at `rows`, which rise."""
        first, people = rows[0], rows[-1] - rows[0] + 1
        coarse = (rows - first)[:, None] * COARSE + bins // (BINS // COARSE)
        totals = (self.genuine, self.impostor)
        for chosen, total, persons in zip((genuine, impostor), totals, self.by_person, strict=True):
            np.add(total, np.bincount(bins[chosen], minlength=BINS), out=total)
            found = np.bincount(coarse[chosen], minlength=people * COARSE)
            persons[first : first + people] += found.reshape(people, COARSE)


def _span(queries: NDArray[np.float32], gallery: NDArray[np.float32], metric: Metric) -> float:
    """A distance that no pair exceeds."""
    if metric == "cosine":
        return 2.0
    return _longest(queries) + _longest(gallery) or 1.0


def _longest(features: NDArray[np.float32]) -> float:
    """The length of the longest row."""
    squares = [
        np.square(features[start:stop].astype(np.float64)).sum(axis=1).max()
        for start, stop in blocks(len(features), _GALLERY)
    ]
    return float(np.sqrt(max(squares, default=0.0)))


def _blocks(
    queries: NDArray[np.float32], gallery: NDArray[np.float32], metric: Metric
) -> Iterator[tuple[slice, slice, Float64s]]:
    for start, stop in blocks(len(queries), _QUERIES):
        asked = torch.from_numpy(queries[start:stop])
        for left, right in blocks(len(gallery), _GALLERY):
            seen = torch.from_numpy(gallery[left:right])
            distances = product_distances(asked, seen, metric).numpy()
            in_units = np.sqrt(distances) if metric == "euclidean" else distances
            yield slice(start, stop), slice(left, right), in_units
