"""Float32 similarities of blocks of features, with a bound of their error.

The similarity of q and g is q.g - |g|^2 / 2, which orders the gallery of one query as -|q - g|^2
does. For "cosine" both are unit vectors, and the similarity is q.g - 1/2.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from crosscam.errors import InputError
from crosscam.ranking.rows import Rows
from crosscam.types import Float64s, Metric

_UNIT = 2.0**-24  # half a unit in the last place of a float32 between 1 and 2
_CHUNK_BYTES = 8 * 2**20  # taken into float64 at a time, so that it stays in the cache
_PLAIN_EXPONENTS = 30  # lengths of 2^-30 to 2^30 are computed with as they are


@dataclass(frozen=True, eq=False)
class Surveyed:
    """Rows that were all looked at: none has a NaN or infinity, nor is zero if that matters.

    `squares` are their squared lengths, (N,) float64 on the CPU.
    """

    rows: Rows
    squares: Float64s


def survey(rows: Rows, name: str, metric: Metric) -> Surveyed:
    """Measure all rows; `name` is what they are called in an error.

    Raises `InputError` for rows that are not finite or, with "cosine", zero.
    """
    squares = np.empty(len(rows))
    step = _chunk(rows.dim)
    for start in range(0, len(rows), step):
        stop = min(start + step, len(rows))
        squares[start:stop] = rows.block(start, stop).double().square_().sum(dim=1).cpu().numpy()
    broken = int((~np.isfinite(squares)).sum())
    if broken:
        raise InputError(f"{name}: {broken} of {len(rows)} rows hold NaN or infinity")
    zero = int((squares == 0).sum()) if metric == "cosine" else 0
    if zero:
        raise InputError(
            f"{name}: {zero} of {len(rows)} rows are zero, which has no cosine with anything; "
            'use metric="euclidean"'
        )
    return Surveyed(rows, squares)


@dataclass(frozen=True, eq=False)
class Side:
    """The queries or the gallery, ready for the product.

    `halves` is (N,) float32 on the device: half the squared lengths of the rows as they go into the
    product, which are scaled by `factor`, a power of two and so exact.
    """

    surveyed: Surveyed
    metric: Metric
    factor: float
    halves: Tensor

    @property
    def rows(self) -> Rows:
        """The features as they were given."""
        return self.surveyed.rows

    def ready(self, raw: Tensor, start: int) -> Tensor:
        """The block of rows `raw` that begins at `start`, as it goes into the product."""
        if self.metric == "cosine":
            squares = self.surveyed.squares[start : start + len(raw)]
            lengths = torch.from_numpy(np.sqrt(squares)).to(raw.device).unsqueeze(1)
            return _divide(raw, lengths)
        return raw if self.factor == 1 else raw * self.factor


@dataclass(frozen=True, eq=False)
class Product:
    """How similarities of two sides are computed, and how far they may err.

    `query_squares` are the (Q,) float64 squared lengths, and `errors` the (Q,) float64 bounds, of
    the similarities in the scale of the product; `scale` is the square of the factor.
    """

    queries: Side
    gallery: Side
    query_squares: Float64s
    errors: Float64s
    scale: float

    @classmethod
    def of(cls, queries: Surveyed, gallery: Surveyed, metric: Metric) -> "Product":
        """Find a scale at which squares neither overflow nor vanish, and the bounds of error."""
        factor = 1.0 if metric == "cosine" else _factor(queries.squares, gallery.squares)
        query_squares, gallery_squares = (
            np.ones(len(side.squares)) if metric == "cosine" else side.squares * factor**2
            for side in (queries, gallery)
        )
        longest = float(np.sqrt(gallery_squares.max(initial=0.0)))
        # Higham, Accuracy and Stability of Numerical Algorithms, 3.1: a float32 dot product of D
        # terms, added in any order, errs by at most D u / (1 - D u) |q| |g|; 16 more roundings
        # cover unit vectors, halves, the subtraction and the comparisons. The last two terms are
        # the roundings of float64, sums of squares among them, and what float32 flushes to zero.
        terms = (queries.rows.dim + 16) * _UNIT
        errors = terms / (1 - terms) * longest * (np.sqrt(query_squares) + longest)
        errors += 2.0**-40 * (query_squares + longest**2) + 1e-30
        return cls(
            Side(queries, metric, factor, _halves(query_squares, queries.rows.device)),
            Side(gallery, metric, factor, _halves(gallery_squares, gallery.rows.device)),
            query_squares,
            errors,
            factor**2,
        )

    @property
    def metric(self) -> Metric:
        """What the similarities are of."""
        return self.gallery.metric

    def at_distance(self, queries: Float64s, distances: Float64s) -> Float64s:
        """The float64 similarity of images at given distances from given queries' squares."""
        if self.metric == "cosine":  # of unit vectors: |q - g|^2 = 2 (1 - cosine)
            distances = 2 * distances
        return (queries - distances * self.scale) / 2


def blocks(count: int, size: int) -> Iterator[tuple[int, int]]:
    """(start, stop) of consecutive blocks of `size`, the last one perhaps smaller."""
    for start in range(0, count, size):
        yield start, min(start + size, count)


def _factor(*squares: Float64s) -> float:
    largest = np.sqrt(max(float(side.max(initial=0.0)) for side in squares))
    exponent = int(np.frexp(largest)[1])
    if abs(exponent) <= _PLAIN_EXPONENTS:
        return 1.0
    return 2.0 ** -int(np.clip(exponent, -126, 126))  # which must be a float32


def _halves(squares: Float64s, device: torch.device) -> Tensor:
    return torch.from_numpy((squares / 2).astype(np.float32)).to(device)


def _divide(raw: Tensor, lengths: Tensor) -> Tensor:
    divided = torch.empty_like(raw)
    step = _chunk(raw.shape[1])
    for start, stop in blocks(len(raw), step):
        divided[start:stop] = raw[start:stop].double().div_(lengths[start:stop])
    return divided


def _chunk(dim: int) -> int:
    return max(1, _CHUNK_BYTES // (8 * max(1, dim)))
