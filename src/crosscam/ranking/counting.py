"""Counting, for each positive of each query, the wrong images that are not further away.

A similarity above what the error bound allows a positive is certainly nearer, one below certainly
further; the few in between are measured in float64. Two ways do the same and give equal counts:
torch's operations here, on any device, and compiled loops in `counting_compiled.py`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosscam.ranking.compiling import compiled_available
from crosscam.ranking.distances import pair_distances
from crosscam.ranking.matches import Matches
from crosscam.ranking.product import Product
from crosscam.types import Float64s, Int64s, Metric

Float32s = NDArray[np.float32]
_OPEN_AT_ONCE = 2**16
_VALUES_AT_ONCE = 2**19  # of rows that are copied, so that they stay in a processor's cache


@dataclass(frozen=True, eq=False)
class Targets:
    """The positives of consecutive queries, each query's from the furthest to the nearest.

    Those of query i stand at `offsets[i]` to `offsets[i + 1]`. Of each: its float64 distance; the
    float32 similarity above which an image is certainly nearer, and below which certainly further.

    `own` with `own_offsets` are the gallery images of each query's person, which are not wrong.
    `tallies` is filled by counting: (targets + queries,) int64, for query i from `offsets[i] + i`
    on how many wrong images are not further away than exactly 0, 1, 2, ... of its positives.
    """

    offsets: Int64s
    distances: Float64s
    certain: Float32s
    possible: Float32s
    own_offsets: Int64s
    own: Int64s
    tallies: Int64s

    @classmethod
    def of(cls, matches: Matches, distances: Float64s, product: Product, first: int) -> "Targets":
        """Those of the matches of the queries from `first` on, at float64 `distances`."""
        falling = distances[np.lexsort((-distances, matches.queries))]
        queries = matches.queries + first
        similarities = product.at_distance(product.query_squares[queries], falling)
        errors = product.errors[queries]
        return cls(
            matches.offsets,
            falling,
            (similarities + errors).astype(np.float32),
            (similarities - errors).astype(np.float32),
            matches.own_offsets,
            matches.own,
            np.zeros(len(falling) + len(matches.offsets) - 1, dtype=np.int64),
        )

    def wrong_before(self) -> Int64s:
        """How many wrong images are not further away than each positive, from the nearest on.

        An image not further away than k positives is not further away than the k furthest.
        """
        counts = np.diff(self.offsets)
        queries = np.repeat(np.arange(len(counts)), counts)
        places = np.arange(len(queries)) - self.offsets[queries]
        ends = self.offsets[1:][queries] + queries + 1  # behind the tallies of the query
        sums = np.concatenate([[0], np.cumsum(self.tallies)])
        wrong: Int64s = sums[ends] - sums[ends - 1 - places]
        return wrong


@dataclass(frozen=True, eq=False)
class Block:
    """Similarities to be counted, and the features they are of, should some be left open.

    `products` is (n, m) float32, q.g of the queries from `first` on in the targets' numbering and
    the gallery from `left` on; it is overwritten. `halves` (m,) is to be taken off it. `queries`
    and `gallery` are the (n, D) and (m, D) float32 features as they were given.
    """

    products: Tensor
    halves: Tensor
    first: int
    left: int
    queries: Tensor
    gallery: Tensor
    metric: Metric


class Counting(Protocol):
    """One of the two ways."""

    def measure(
        self, queries: Tensor, gallery: Tensor, rows: Int64s, columns: Int64s, metric: Metric
    ) -> Float64s:
        """Float64 distances of pairs of rows of (n, D) and (m, D): (P,), as `pair_distances`."""

    def count(self, block: Block, targets: Targets) -> None:
        """Add what the block holds to the targets' tallies."""


@contextmanager
def counting_on(device: torch.device) -> Iterator[Counting]:
    """The fastest way there is for a device."""
    if device.type == "cpu" and compiled_available():
        from crosscam.ranking.counting_compiled import CompiledCounting  # noqa: PLC0415

        with CompiledCounting.with_threads(torch.get_num_threads()) as counting:
            yield counting
    else:
        yield TorchCounting()


class TorchCounting:
    """Counting with torch's operations."""

    def measure(
        self, queries: Tensor, gallery: Tensor, rows: Int64s, columns: Int64s, metric: Metric
    ) -> Float64s:
        """See `Counting`. Pairs are gathered a few at a time."""
        step = max(1, _VALUES_AT_ONCE // max(1, queries.shape[1]))
        measured = np.empty(len(rows))
        for start in range(0, len(rows), step):
            chunk = slice(start, start + step)
            one = queries[torch.from_numpy(rows[chunk]).to(queries.device)]
            other = gallery[torch.from_numpy(columns[chunk]).to(gallery.device)]
            measured[chunk] = pair_distances(one, other, metric).cpu().numpy()
        return measured

    def count(self, block: Block, targets: Targets) -> None:
        """See `Counting`. What reaches the lowest threshold is looked up among all of them."""
        similarities = block.products.sub_(block.halves)
        height, device = len(similarities), similarities.device
        similarities[own_in(block, targets)] = -torch.inf
        offsets = targets.offsets[block.first : block.first + height + 1]
        counts = np.diff(offsets)
        slots = 1 << int(counts.max(initial=0)).bit_length()
        is_target = np.arange(slots) < counts[:, None]
        here = slice(offsets[0], offsets[-1])
        certain = _padded(targets.certain[here], is_target).to(device)
        possible = _padded(targets.possible[here], is_target).to(device)
        rows, columns = (similarities >= possible[:, :1]).nonzero(as_tuple=True)
        values, starts = similarities[rows, columns], rows * slots
        passed = _count_below(certain, starts, values)  # targets that are certainly further
        further = _padded(-targets.distances[here], is_target)
        is_open = possible.view(-1)[starts + passed] <= values
        for some in is_open.nonzero().squeeze(1).split(_OPEN_AT_ONCE):
            at = rows[some].cpu(), columns[some].cpu()
            measured = self.measure(
                block.queries, block.gallery, at[0].numpy(), at[1].numpy(), block.metric
            )
            nearness = torch.from_numpy(-measured).unsqueeze(1)
            beaten = torch.searchsorted(further[at[0]], nearness, right=True).squeeze(1)
            passed[some] = beaten.to(device)
        tallies = torch.bincount(starts + passed, minlength=height * slots).view(height, slots)
        kept = np.arange(slots) <= counts[:, None]
        first, last = offsets[0] + block.first, offsets[-1] + block.first + height
        targets.tallies[first:last] += tallies.cpu().numpy()[kept]


def _count_below(table: Tensor, starts: Tensor, values: Tensor) -> Tensor:
    """How many entries of a row are below each value, of rising rows of 2^k entries, the last inf.

    `starts` says where each value's row begins in the flattened table.
    """
    flat, passed, step = table.view(-1), torch.zeros_like(starts), table.shape[1] // 2
    while step:
        passed += step * (flat[starts + passed + (step - 1)] < values)
        step //= 2
    return passed


def own_in(block: Block, targets: Targets) -> tuple[Tensor, Tensor]:
    """Rows and columns of the block that are of the query's own person."""
    height, width = block.products.shape
    offsets = targets.own_offsets[block.first : block.first + height + 1]
    columns = targets.own[offsets[0] : offsets[-1]] - block.left
    rows = np.repeat(np.arange(height), np.diff(offsets))
    inside = (columns >= 0) & (columns < width)
    device = block.products.device
    return (
        torch.from_numpy(rows[inside]).to(device),
        torch.from_numpy(columns[inside]).to(device),
    )


def _padded(values: NDArray[Any], is_target: NDArray[np.bool_]) -> Tensor:
    """Values of queries, one after another, as a table with a row a query, filled with infinity."""
    table = np.full(is_target.shape, np.inf, dtype=values.dtype)
    table[is_target] = values
    return torch.from_numpy(table)
