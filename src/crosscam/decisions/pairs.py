"""How far apart pairs of the same and of different people are: exact counts in fine bins.

Of all pairs of a query and a gallery image, as far as the protocol lets them count: one of the same
person from another camera is *genuine*, one of two people an *impostor* (ISO/IEC 19795-1). The
distance matrix is never held: a block is computed in float64, sorted into bins, and forgotten.

The pass is not that of the ranking: its product is float32, whose error is that of many bins where
features lie close together. Bins follow the distances that there are, as a sample of pairs has
them; what lies beyond is in the first bin or the last.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from crosscam.decisions.bootstrap import resample_people
from crosscam.errors import InputError
from crosscam.ranking.distances import Points, in_units, product_distances
from crosscam.ranking.matches import JUNK, Worn
from crosscam.ranking.product import blocks
from crosscam.types import Clothes, Embeddings, Float64s, Int64s, Metric

BINS = 2**16
COARSE = 2**11  # bins that are kept for each person
_TOGETHER = BINS // COARSE
_QUERIES, _GALLERY = 512, 4096  # of a block
_SPANS = 2.25  # of the sampled distances that bins cover: one before them and a quarter behind
_ROUNDING = 2.0**-40  # relative, of distances of equal pairs
_SAMPLED = 256, 1024  # queries and gallery images whose pairs say where bins lie


@dataclass(frozen=True, eq=False)
class PairHistogram:
    """Pairs counted by distance: Euclidean (not squared), or 1 - cosine.

    `genuine` and `impostor` are (BINS,) int64; bin i holds the distances from `low + i * width` to
    below `low + (i + 1) * width`; the first also those below, the last those up to `furthest`, the
    largest there is. `by_person` are the same for each of the P people of the queries, in bins
    `BINS / COARSE` times as wide: two (P, COARSE) int32 arrays.
    """

    low: float
    width: float
    furthest: float
    genuine: Int64s
    impostor: Int64s
    by_person: tuple[NDArray[np.int32], NDArray[np.int32]]

    @property
    def limits(self) -> Float64s:
        """The distance where each bin ends, (BINS,) float64: a pair of that bin is below it."""
        ends = self.low + self.width * np.arange(1, BINS + 1, dtype=np.float64)
        ends[-1] = max(ends[-1], np.nextafter(self.furthest, np.inf))
        return ends

    @property
    def centres(self) -> Float64s:
        """The distance in the middle of each bin, (BINS,) float64."""
        return self.low + self.width * (np.arange(BINS, dtype=np.float64) + 0.5)

    @property
    def coarse_centres(self) -> Float64s:
        """The same of the bins of `by_person`, (COARSE,) float64."""
        return self.low + self.width * _TOGETHER * (np.arange(COARSE, dtype=np.float64) + 0.5)

    @property
    def coarse_edges(self) -> Float64s:
        """Where those begin and the last one ends, (COARSE + 1,) float64."""
        return np.concatenate([[self.low], self.limits[_TOGETHER - 1 :: _TOGETHER]])

    @property
    def coarse_totals(self) -> tuple[Float64s, Float64s]:
        """Genuine and impostor pairs in those, of all people: (COARSE,) float64 each."""
        genuine, impostor = (
            counts.reshape(COARSE, _TOGETHER).sum(axis=1, dtype=np.float64)
            for counts in (self.genuine, self.impostor)
        )
        return genuine, impostor

    def resampled(self, resamples: int) -> Iterator[tuple[Float64s, Float64s]]:
        """Genuine and impostor pairs of resampled people: blocks of (r, COARSE) float64 each.

        Resamples without any pair of a kind are left out; of one person there are none.
        """
        if len(self.by_person[0]) < 2:
            return
        genuine, impostor = (counts.astype(np.float64) for counts in self.by_person)
        for weights in resample_people(len(genuine), resamples=resamples, seed=0):
            same, other = weights @ genuine, weights @ impostor
            usable = same.any(axis=1) & other.any(axis=1)
            yield same[usable], other[usable]

    def rates_below(self, distance: float) -> tuple[float, float]:
        """The shares of impostor and of genuine pairs nearer than `distance`, to a bin's width."""
        bins = int(np.clip(round((distance - self.low) / self.width), 0, BINS))
        if distance > self.furthest:
            bins = BINS
        return (
            float(self.impostor[:bins].sum() / self.impostor.sum()),
            float(self.genuine[:bins].sum() / self.genuine.sum()),
        )


def pair_histogram(
    query: Embeddings, gallery: Embeddings, *, metric: Metric, clothes: Clothes | None = None
) -> PairHistogram:
    """Count all pairs that count, by distance.

    As in `rank`, a gallery image of the query's person and camera does not count for it, nor does
    pid -1; without cameras nothing is left out for them. Where true matches are to wear the "same"
    or "other" `clothes`, images of the query's person that do not, do not count either. Raises
    `InputError` if lengths differ, for zero features with "cosine", for clothes that are asked for
    and not known, and if there is no genuine or no impostor pair.
    """
    order = np.argsort(query.pids, kind="stable")
    order = order[query.pids[order] != JUNK]
    kept = np.flatnonzero(gallery.pids != JUNK)
    queries, others = query.features[order], gallery.features[kept]
    low, width = _bins(queries, others, metric)
    worn = Worn.between(query, gallery, clothes)
    people, rows = np.unique(query.pids[order], return_inverse=True)
    counts, furthest = _Counts.empty(len(people)), 0.0
    for asked, seen, distances in _blocks(queries, others, metric):
        mine, theirs = order[asked], kept[seen]
        same = query.pids[mine][:, None] == gallery.pids[theirs]
        genuine = same
        if query.camids is not None and gallery.camids is not None:
            genuine = same & (query.camids[mine][:, None] != gallery.camids[theirs])
        if worn is not None:
            genuine = genuine & worn.fit(mine[:, None], theirs[None, :])
        furthest = max(furthest, float(distances.max()))
        places = (distances - low) / width
        bins = places.clip(0, BINS - 1, out=places).astype(np.int32)
        counts.add(bins, rows[asked], genuine, ~same)
    if not counts.genuine.any() or not counts.impostor.any():
        lacking = "impostor" if counts.genuine.any() else "genuine"
        raise InputError(
            f"there is no {lacking} pair of a query and a gallery image: check the labels, or "
            "leave the camera ids out"
        )
    return PairHistogram(low, width, furthest, counts.genuine, counts.impostor, counts.by_person)


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
        coarse = (rows - first)[:, None] * COARSE + bins // _TOGETHER
        totals = (self.genuine, self.impostor)
        for chosen, total, persons in zip((genuine, impostor), totals, self.by_person, strict=True):
            np.add(total, np.bincount(bins[chosen], minlength=BINS), out=total)
            found = np.bincount(coarse[chosen], minlength=people * COARSE)
            persons[first : first + people] += found.reshape(people, COARSE)


def _bins(
    queries: NDArray[np.float32], gallery: NDArray[np.float32], metric: Metric
) -> tuple[float, float]:
    """Where the bins begin, and how wide one is: a sample of pairs lies well within them.

    Distances that differ by no more than roundings do fall into one bin, in whose middle they lie.
    """
    if not len(queries) or not len(gallery):
        return 0.0, 1.0
    asked, seen = (
        torch.from_numpy(side[np.unique(np.linspace(0, len(side) - 1, most).astype(np.int64))])
        for side, most in zip((queries, gallery), _SAMPLED, strict=True)
    )
    distances = in_units(product_distances(asked, seen, metric).numpy(), metric)
    nearest, furthest = float(distances.min()), float(distances.max())
    if metric == "euclidean":
        rounding = float(asked.double().square().sum(dim=1).max().sqrt()) * _ROUNDING
    else:
        rounding = _ROUNDING**2
    span = max(furthest - nearest, BINS * (rounding + furthest * _ROUNDING))
    width = _SPANS * span / BINS or 1.0
    return max(0.0, nearest - span - width / 2), width


def _blocks(
    queries: NDArray[np.float32], gallery: NDArray[np.float32], metric: Metric
) -> Iterator[tuple[slice, slice, Float64s]]:
    for left, right in blocks(len(gallery), _GALLERY):
        points = Points.of(torch.from_numpy(gallery[left:right]), metric)
        for start, stop in blocks(len(queries), _QUERIES):
            distances = points.distances(torch.from_numpy(queries[start:stop]))
            yield slice(start, stop), slice(left, right), in_units(distances.numpy(), metric)
