"""k-reciprocal encodings as sparse vectors (Zhong et al., CVPR 2017, sections 3.2 to 3.4).

Two images are k-reciprocal neighbours if each is among the k + 1 nearest of the other, of which an
image is itself one. The set of an image grows by the half-size sets of its members that lie in it
for more than two thirds, and becomes a vector: at each member, exp(-distance), summing to 1. Of
more than k + 1 equal images the later ones may have no reciprocal neighbour; their vector is 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crosscam.ranking.candidates import ranges
from crosscam.ranking.counting import Counting, counting_on
from crosscam.ranking.product import blocks
from crosscam.types import Float64s, Int64s

_ROWS = 1024  # images at a time


@dataclass(frozen=True, eq=False)
class SparseRows:
    """A sparse matrix by rows: row i holds `values` at `columns`, both [starts[i] : starts[i + 1]].

    `starts` is (N + 1,) int64, `columns` int32, rising in each row, `values` float32.
    """

    starts: Int64s
    columns: NDArray[np.int32]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, rows: Int64s, columns: Int64s, values: Float64s, count: int) -> "SparseRows":
        """From entries that are sorted by row, then column, of `count` rows."""
        starts = np.searchsorted(rows, np.arange(count + 1))
        return cls(starts, columns.astype(np.int32), values.astype(np.float32))

    @classmethod
    def stack(cls, parts: list["SparseRows"]) -> "SparseRows":
        """The rows of all parts, one below another."""
        counts = [np.diff(part.starts) for part in parts]
        return cls(
            np.concatenate([[0], np.cumsum(np.concatenate(counts))]),
            np.concatenate([part.columns for part in parts]),
            np.concatenate([part.values for part in parts]),
        )

    def part(self, rows: slice) -> "SparseRows":
        """Some of the rows."""
        starts = self.starts[rows.start : rows.stop + 1]
        inside = slice(starts[0], starts[-1])
        return SparseRows(starts - starts[0], self.columns[inside], self.values[inside])

    def transposed(self, num_columns: int) -> "SparseRows":
        """The matrix with rows and columns exchanged, by rows."""
        order = np.argsort(self.columns, kind="stable")
        counts = np.bincount(self.columns, minlength=num_columns)
        rows = np.repeat(np.arange(len(self.starts) - 1, dtype=np.int32), np.diff(self.starts))
        starts = np.concatenate([[0], np.cumsum(counts)])
        return SparseRows(starts, rows[order], self.values[order])


def encode(features: Tensor, indices: Int64s, furthest: Float64s, k1: int, k2: int) -> SparseRows:
    """The vector of each of N images, averaged over its `k2` nearest: (N, N), sparse.

    `features` are (N, D) float32, `indices` (N, at least k1 + 1 and k2, or N) the images nearest to
    each, itself among them, and `furthest` (N,) its largest squared distance to any, by which its
    distances are divided.
    """
    near = indices[:, : k1 + 1]
    half = indices[:, : round(k1 / 2) + 1]  # rounds halves to even, as the paper's code does
    mutual, half_mutual = _mutual(near), _mutual(half)
    parts = []
    with counting_on(features.device) as counting:
        for block in _blocks(len(near)):
            sets = _expanded(near[block], mutual[block], half, half_mutual)
            parts.append(_weighted(features, sets, block.start, furthest[block], counting))
    vectors = SparseRows.stack(parts)
    if k2 == 1:
        return vectors
    few = indices[:, :k2]
    return SparseRows.stack([_mean(vectors, few[block]) for block in _blocks(len(few))])


def _blocks(count: int) -> Iterator[slice]:
    for start, stop in blocks(count, _ROWS):
        yield slice(start, stop)


def _mutual(near: Int64s) -> NDArray[np.bool_]:
    """For each image and each of those near it, whether it is near that one, too: (N, k)."""
    result = np.empty(near.shape, dtype=np.bool_)
    for block in _blocks(len(near)):
        own = np.arange(block.start, block.stop)
        result[block] = (near[near[block]] == own[:, None, None]).any(axis=2)
    return result


def _expanded(
    near: Int64s, mutual: NDArray[np.bool_], half: Int64s, half_mutual: NDArray[np.bool_]
) -> Int64s:
    """The reciprocal sets of the images of a block, (b, most) rising, filled up with N at the end.

    `near` and `mutual` are those of the block, `half` and `half_mutual` those of all.
    """
    nobody = len(half)
    own = np.where(mutual, near, nobody)
    theirs = np.where(half_mutual[near], half[near], nobody + 1)  # (b, k1 + 1, half)
    theirs[~mutual] = nobody + 1
    inside = np.zeros(theirs.shape, dtype=np.bool_)
    for column in own.T:
        inside |= theirs == column[:, None, None]
    joins = 3 * inside.sum(axis=2) > 2 * (theirs <= nobody).sum(axis=2)
    joining = np.where(joins[:, :, None], theirs, nobody)
    sets = np.concatenate([own, joining.reshape(len(own), -1)], axis=1)
    sets = np.sort(np.minimum(sets, nobody), axis=1)
    sets[:, 1:][sets[:, 1:] == sets[:, :-1]] = nobody
    return sets


def _weighted(
    features: Tensor, sets: Int64s, first: int, furthest: Float64s, counting: Counting
) -> SparseRows:
    """The vectors of the images from `first` on, whose sets and furthest distances are given."""
    rows, places = np.nonzero(sets < len(features))
    columns = sets[rows, places]
    squared = counting.measure(features, features, rows + first, columns, "euclidean")
    weights = np.exp(-divided(squared, furthest[rows]))
    sums = np.bincount(rows, weights, minlength=len(sets))
    return SparseRows.of(rows, columns, weights / sums[rows], len(sets))


def divided(values: Float64s | float, largest: Float64s) -> Float64s:
    """Values as shares of each image's largest distance; 0 where that is 0, as all its are."""
    return np.divide(values, largest, out=np.zeros_like(largest), where=largest > 0)


def _mean(vectors: SparseRows, few: Int64s) -> SparseRows:
    """For each row of `few`, the mean of the vectors of those images."""
    starts = vectors.starts[few].ravel()
    counts = vectors.starts[few + 1].ravel() - starts
    entries = ranges(starts, counts)
    rows = np.repeat(np.repeat(np.arange(len(few)), few.shape[1]), counts)
    keys = rows * np.int64(len(vectors.starts)) + vectors.columns[entries]
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], vectors.values[entries[order]].astype(np.float64)
    firsts = np.flatnonzero(np.diff(keys, prepend=-1))
    sums = np.add.reduceat(values, firsts) if len(firsts) else values
    rows, columns = np.divmod(keys[firsts], len(vectors.starts))
    return SparseRows.of(rows, columns, sums / few.shape[1], len(few))
