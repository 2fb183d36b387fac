"""Counting by loops that numba compiles: one pass over the similarities, on all threads."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crosscam.ranking.compiling import compiled
from crosscam.ranking.counting import Block, Float32s, Targets
from crosscam.types import Float64s, Int64s, Metric

Work = Callable[[int, int], None]
_CELLS = 1024
_LEAST_SPAN = 1e-20


@dataclass(frozen=True)
class CompiledCounting:
    """See `counting.Counting`; rows or pairs are divided among the threads of a pool."""

    pool: ThreadPoolExecutor
    threads: int

    @classmethod
    @contextmanager
    def with_threads(cls, threads: int) -> Iterator["CompiledCounting"]:
        """Counting on so many threads, which end with the context."""
        with ThreadPoolExecutor(threads) as pool:
            yield cls(pool, threads)

    def measure(
        self, queries: Tensor, gallery: Tensor, rows: Int64s, columns: Int64s, metric: Metric
    ) -> Float64s:
        """See `Counting`."""
        measured = np.empty(len(rows))
        one, other, cosine = queries.numpy(), gallery.numpy(), metric == "cosine"

        def work(start: int, stop: int) -> None:
            _measure_pairs(one, other, rows, columns, cosine, measured, start, stop)

        self._divide(len(rows), work)
        return measured

    def count(self, block: Block, targets: Targets) -> None:
        """See `Counting`."""
        products, halves = block.products.numpy(), block.halves.numpy()
        queries, gallery = block.queries.numpy(), block.gallery.numpy()

        def work(start: int, stop: int) -> None:
            _count_rows(
                products,
                halves,
                block.first,
                block.left,
                queries,
                gallery,
                block.metric == "cosine",
                targets.offsets,
                targets.distances,
                targets.certain,
                targets.possible,
                targets.own_offsets,
                targets.own,
                targets.tallies,
                start,
                stop,
            )

        self._divide(len(products), work)

    def _divide(self, count: int, work: Work) -> None:
        edges = [count * part // self.threads for part in range(self.threads + 1)]
        for _ in self.pool.map(work, edges[:-1], edges[1:]):
            pass


@compiled
def _count_rows(
    products: Float32s,
    halves: Float32s,
    first: int,
    left: int,
    queries: Float32s,
    gallery: Float32s,
    cosine: bool,  # noqa: FBT001
    offsets: Int64s,
    distances: Float64s,
    certain: Float32s,
    possible: Float32s,
    own_offsets: Int64s,
    own: Int64s,
    tallies: Int64s,
    row_start: int,
    row_stop: int,
) -> None:
    width = products.shape[1]
    columns, values = np.empty(width, dtype=np.int32), np.empty(width, dtype=np.float32)
    cells = np.empty((2, _CELLS), dtype=np.int32)
    scratch = np.empty((2, queries.shape[1]))
    for row in range(row_start, row_stop):
        query = first + row
        targets = slice(offsets[query], offsets[query + 1])
        if targets.start == targets.stop:
            continue
        _leave_out(products[row], own[own_offsets[query] : own_offsets[query + 1]], left)
        lowest = possible[targets.start]
        reaching = _find_reaching(products[row], halves, lowest, columns, values)
        scale = _lay_out_cells(certain[targets], possible[targets], cells)
        tally = tallies[targets.start + query : targets.stop + query + 1]
        query_length = _length(queries[row], scratch[0]) if cosine else 1.0
        for k in range(reaching):
            cell = _cell(values[k], lowest, scale)
            if cells[0, cell] >= 0:
                cells[1, cell] += 1
                continue
            passed = _count_below(certain[targets], values[k])
            if passed < len(tally) - 1 and possible[targets][passed] <= values[k]:
                image = gallery[columns[k]]
                distance = _distance(queries[row], query_length, image, cosine, scratch)
                passed = _count_not_below(distances[targets], distance)
            tally[passed] += 1
        for cell in range(_CELLS):
            if cells[1, cell]:
                tally[cells[0, cell]] += cells[1, cell]


@compiled
def _lay_out_cells(certain: Float32s, possible: Float32s, cells: NDArray[np.int32]) -> np.float32:
    """Divide the similarities from the lowest threshold on into cells; returns cells per unit.

    `cells[0]` becomes how many targets a similarity in the cell certainly beats, or -1 where it is
    possible but not certain that it beats one more; `cells[1]` becomes 0. The cell of a similarity
    never falls as it rises, so one in another cell than a threshold is on the side of it where its
    cell is.
    """
    lowest = possible[0]
    span = certain[-1] - lowest
    scale = np.float32((_CELLS - 2) / span) if span > _LEAST_SPAN else np.float32(0)
    cells[:] = 0
    marked = 0
    for i in range(len(certain)):
        marked = max(marked, _cell(possible[i], lowest, scale))
        while marked <= _cell(certain[i], lowest, scale):
            cells[1, marked] = 1
            marked += 1
    target = 0
    for cell in range(_CELLS):
        while target < len(certain) and _cell(certain[target], lowest, scale) < cell:
            target += 1
        cells[0, cell] = -1 if cells[1, cell] else target
        cells[1, cell] = 0
    return scale


@compiled
def _cell(similarity: np.float32, lowest: np.float32, scale: np.float32) -> int:
    place = (similarity - lowest) * scale
    return int(min(place, np.float32(_CELLS - 1)))


@compiled
def _leave_out(similarities: Float32s, own: Int64s, left: int) -> None:
    for image in own:
        if left <= image < left + len(similarities):
            similarities[image - left] = -np.inf


@compiled
def _find_reaching(
    products: Float32s,
    halves: Float32s,
    lowest: np.float32,
    columns: NDArray[np.int32],
    values: Float32s,
) -> int:
    """The similarities that reach `lowest`, how many, and where they stand.

    Written without a branch, which would be mispredicted.
    """
    count = 0
    for column in range(len(products)):
        similarity = products[column] - halves[column]
        columns[count] = column
        values[count] = similarity
        count += similarity >= lowest
    return count


@compiled
def _count_below(rising: Float32s, value: np.float32) -> int:
    low, count = 0, len(rising)
    while count > 1:
        half = count // 2
        low += half * (rising[low + half - 1] < value)
        count -= half
    return low + int(rising[low] < value)


@compiled
def _count_not_below(falling: Float64s, value: float) -> int:
    low, high = 0, len(falling)
    while low < high:
        middle = (low + high) // 2
        if falling[middle] >= value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _measure_pairs(
    queries: Float32s,
    gallery: Float32s,
    rows: Int64s,
    columns: Int64s,
    cosine: bool,  # noqa: FBT001
    measured: Float64s,
    start: int,
    stop: int,
) -> None:
    scratch = np.empty((2, queries.shape[1]))
    for pair in range(start, stop):
        query = queries[rows[pair]]
        length = _length(query, scratch[0]) if cosine else 1.0
        measured[pair] = _distance(query, length, gallery[columns[pair]], cosine, scratch)


@compiled
def _distance(
    query: Float32s,
    query_length: float,
    image: Float32s,
    cosine: bool,  # noqa: FBT001
    scratch: Float64s,
) -> float:
    """As `distances.pair_distances`, to the bit."""
    terms = scratch[0]
    if cosine:
        length = _length(image, scratch[1])
        for i in range(len(query)):
            terms[i] = (np.float64(query[i]) / query_length) * (np.float64(image[i]) / length)
        return 1.0 - _sum(terms)
    for i in range(len(query)):
        difference = np.float64(query[i]) - np.float64(image[i])
        terms[i] = difference * difference
    return _sum(terms)


@compiled
def _length(row: Float32s, terms: Float64s) -> float:
    for i in range(len(row)):
        terms[i] = np.float64(row[i]) * np.float64(row[i])
    return math.sqrt(_sum(terms))


@compiled
def _sum(terms: Float64s) -> float:
    """The sum in the order of `distances.sum_rows`; `terms` is overwritten."""
    width = len(terms)
    if width == 0:
        return 0.0
    while width > 1:
        half = width // 2
        for i in range(half):
            terms[i] += terms[i + half]
        if width % 2:
            terms[half] = terms[width - 1]
        width = half + width % 2
    return float(terms[0])
