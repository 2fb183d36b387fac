"""Which gallery images may be among a query's nearest, by a product, and which then are."""

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosscam.ranking.compiling import compiled_available
from crosscam.ranking.counting import Counting
from crosscam.ranking.threads import share_rows
from crosscam.types import Float64s, Int64s, Metric

_MOST_PENDING = 2**20  # candidates of a block of queries that wait to be measured


@dataclass(frozen=True, eq=False)
class Candidates:
    """(P,) pairs of a query of a block and a gallery image, with their float64 distances."""

    rows: Int64s
    columns: Int64s
    distances: Float64s

    def first(self, k: int) -> "Candidates":
        """The k nearest of each row, rising in distance, then in column."""
        order = np.lexsort((self.columns, self.distances, self.rows))
        rows = self.rows[order]
        place = np.arange(len(rows)) - np.searchsorted(rows, rows)
        order = order[place < k]
        return Candidates(self.rows[order], self.columns[order], self.distances[order])

    def joined(self, other: "Candidates") -> "Candidates":
        """These and those."""
        return Candidates(
            np.concatenate([self.rows, other.rows]),
            np.concatenate([self.columns, other.columns]),
            np.concatenate([self.distances, other.distances]),
        )


def _none() -> Candidates:
    return Candidates(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))


@dataclass(eq=False)
class Scan:
    """One pass of a block of queries over the gallery, some of its images at a time."""

    queries: Tensor
    gallery: Tensor
    metric: Metric
    counting: Counting
    slack: Tensor  # (b,) float32: a similarity smaller by this belongs to an image further away
    best: Tensor  # (b, k) float32: the largest similarities so far, falling
    lowest: Tensor  # (b,) float32
    lowest_at: Tensor  # (b,) int64
    order: Tensor | None  # (G,) int64: which gallery image each column is, None if they are it
    pending: list[tuple[Tensor, Tensor, Tensor]] = field(default_factory=list)
    measured: Candidates = field(default_factory=_none)

    @classmethod
    def of(
        cls,
        queries: Tensor,
        gallery: Tensor,
        errors: Float64s,
        k: int,
        metric: Metric,
        counting: Counting,
        order: Tensor | None = None,
    ) -> "Scan":
        """Before the first image. `errors` (b,) are the bounds of a similarity's error."""
        k = min(k, len(gallery))
        best = queries.new_full((len(queries), k), -torch.inf)
        lowest = queries.new_full((len(queries),), torch.inf)
        lowest_at = torch.zeros_like(lowest, dtype=torch.int64)
        slack = torch.from_numpy(2 * errors).to(best)
        return cls(queries, gallery, metric, counting, slack, best, lowest, lowest_at, order)

    def take(self, block: Tensor, left: int) -> None:
        """Take in the (b, c) float32 similarities of the columns from `left` on.

        An image whose similarity is minus infinity is never a neighbour.
        """
        pick = _compiled if block.device.type == "cpu" and compiled_available() else _plain
        rows, columns = pick(self, block, left)
        values = block[rows, columns]
        left_out = values == -torch.inf
        if left_out.any():
            rows, columns, values = rows[~left_out], columns[~left_out], values[~left_out]
        images = columns + left if self.order is None else self.order[columns + left]
        self.pending.append((rows.int(), images.int(), values))
        if sum(len(rows) for rows, _, _ in self.pending) > _MOST_PENDING:
            self._measure()

    def nearest(self) -> Candidates:
        """The k nearest of each query, in order."""
        self._measure()
        return self.measured

    def furthest(self) -> Float64s:
        """The distance of each query to the image of the least similarity: (b,) float64.

        For columns that are the gallery images, none of which is left out.
        """
        return self._distances(np.arange(len(self.queries)), self.lowest_at.cpu().numpy())

    def _distances(self, rows: Int64s, columns: Int64s) -> Float64s:
        return self.counting.measure(self.queries, self.gallery, rows, columns, self.metric)

    def _measure(self) -> None:
        if not self.pending:
            return
        rows, columns, values = (torch.cat(parts) for parts in zip(*self.pending, strict=True))
        self.pending = []
        still = values >= (self.best[:, -1] - self.slack)[rows]
        rows, columns = rows[still], columns[still]
        for start in range(0, len(rows), _MOST_PENDING):
            part = slice(start, start + _MOST_PENDING)
            places, images = (pairs[part].long().cpu().numpy() for pairs in (rows, columns))
            new = Candidates(places, images, self._distances(places, images))
            self.measured = self.measured.joined(new).first(self.best.shape[1])


def _compiled(scan: Scan, block: Tensor, left: int) -> tuple[Tensor, Tensor]:
    """The pairs of the block that are candidates; brings the scan's best and lowest up to date."""
    from crosscam.ranking.neighbours_compiled import pick_candidates  # noqa: PLC0415

    columns = np.empty(block.shape, dtype=np.int32)  # of which little is touched
    counts = np.empty(len(block), dtype=np.int64)
    values, slack, best, lowest, lowest_at = (
        tensor.numpy() for tensor in (block, scan.slack, scan.best, scan.lowest, scan.lowest_at)
    )

    def work(part: slice) -> None:
        pick_candidates(
            values[part],
            slack[part],
            best[part],
            lowest[part],
            lowest_at[part],
            left,
            columns[part],
            counts[part],
        )

    share_rows(work, len(block))
    rows = np.repeat(np.arange(len(block)), counts)
    picked = columns.ravel()[ranges(np.arange(len(block)) * block.shape[1], counts)]
    return torch.from_numpy(rows), torch.from_numpy(picked.astype(np.int64))


def _plain(scan: Scan, block: Tensor, left: int) -> tuple[Tensor, Tensor]:
    """What `_compiled` does, by torch."""
    lower = (block.amin(dim=1) < scan.lowest).nonzero().squeeze(1)
    scan.lowest[lower], places = block[lower].min(dim=1)
    scan.lowest_at[lower] = places + left
    first = bool(scan.best[0, 0] == -torch.inf)
    if first:
        _raise(scan, block.topk(min(scan.best.shape[1], block.shape[1])).values)
    floor = (scan.best[:, -1] - scan.slack).unsqueeze(1)
    rows, columns = (block >= floor).nonzero(as_tuple=True)
    if not first:
        _raise(scan, _padded(rows, block[rows, columns], len(block)))
    return rows, columns


def _raise(scan: Scan, values: Tensor) -> None:
    scan.best = torch.cat([scan.best, values], dim=1).topk(scan.best.shape[1]).values


def _padded(rows: Tensor, values: Tensor, count: int) -> Tensor:
    """Values of rising rows as a (count, most) matrix, filled up with minus infinity."""
    counts = torch.bincount(rows, minlength=count)
    place = torch.arange(len(rows), device=rows.device) - (counts.cumsum(0) - counts)[rows]
    matrix = values.new_full((count, int(counts.max())), -torch.inf)
    matrix[rows, place] = values
    return matrix


def ranges(starts: Int64s, counts: NDArray[np.int64]) -> Int64s:
    """The numbers starts[i] ... starts[i] + counts[i] - 1 for each i, one after another."""
    before = np.cumsum(counts) - counts
    numbers: Int64s = np.arange(counts.sum()) + np.repeat(starts - before, counts)
    return numbers
