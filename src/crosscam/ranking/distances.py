"""Distances in float64, of pairs or of all rows with all rows.

A matrix product adds its terms in an order that changes with the block, the number of threads and
the device, so two equal pairs can come out different in the last bit. `pair_distances` adds the
terms of a pair in one fixed order, by halving, with elementwise operations alone, so that its value
depends on nothing but the pair; `product_distances` is for where the last bits do not matter.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from crosscam.errors import InputError
from crosscam.types import Float64s, Metric

_CHUNK_BYTES = 64 * 2**20


def pair_distances(queries: Tensor, gallery: Tensor, metric: Metric) -> Tensor:
    """Float64 distances of row i of `queries` to row i of `gallery`, both (P, D) floating: (P,).

    "euclidean" is the *squared* Euclidean distance, which orders as the distance does; "cosine" is
    1 - the cosine of the angle, of rows normalised in float64, and wants rows that are not zero.
    """
    rows = max(1, _CHUNK_BYTES // (8 * max(1, queries.shape[1])))
    chunks = [
        _pair_distances(queries[start : start + rows], gallery[start : start + rows], metric)
        for start in range(0, len(queries), rows)
    ]
    return torch.cat(chunks) if chunks else queries.new_zeros(0, dtype=torch.float64)


@dataclass(frozen=True, eq=False)
class Points:
    """A gallery as (G, D) float64 points about their `mean` (D,), and their `squares` (G,).

    Differences of features stand in them unspoiled, however much all features have in common.
    """

    points: Tensor
    squares: Tensor
    mean: Tensor
    metric: Metric

    @classmethod
    def of(cls, gallery: Tensor, metric: Metric) -> "Points":
        """Those of (G, D) floating features. Raises `InputError` for zero rows with "cosine"."""
        points = _coordinates(gallery, metric)
        mean = points.mean(dim=0) if len(points) else points.new_zeros(points.shape[1])
        points = points - mean
        return cls(points, points.square().sum(dim=1), mean, metric)

    def distances(self, queries: Tensor) -> Tensor:
        """Those of each row of (Q, D) to each point, (Q, G) float64, as `product_distances`."""
        if queries.shape[1] != self.points.shape[1]:
            raise InputError(
                f"query features have {queries.shape[1]} dimensions, gallery features "
                f"{self.points.shape[1]}"
            )
        queries = _coordinates(queries, self.metric) - self.mean
        squares = queries.square().sum(dim=1, keepdim=True) + self.squares
        distances = squares.sub_(2 * queries @ self.points.T).clamp_(min=0)
        # Of unit vectors |q - g|^2 = 2 (1 - cosine).
        return distances.div_(2) if self.metric == "cosine" else distances


def product_distances(queries: Tensor, gallery: Tensor, metric: Metric) -> Tensor:
    """Float64 distances of each row of (Q, D) to each of (G, D), floating, by a product: (Q, G).

    In the units of `pair_distances`, from 0, and off by the roundings of a float64 product about
    the gallery's mean: these are of the size of the distances, not of the features. Raises
    `InputError` if D differs and for zero rows with "cosine".
    """
    return Points.of(gallery, metric).distances(queries)


def in_units(distances: Float64s, metric: Metric) -> Float64s:
    """What `pair_distances` and `product_distances` give, in units that are shown, from 0.

    Those are Euclidean, not squared, or 1 - cosine.
    """
    rising: Float64s = np.maximum(distances, 0)  # 1 - cosine of equal features can be below it
    return np.sqrt(rising) if metric == "euclidean" else rising


def _coordinates(features: Tensor, metric: Metric) -> Tensor:
    if metric == "euclidean":
        return features.double()
    if bool((features == 0).all(dim=1).any()):
        raise InputError("a zero feature has no cosine with anything; use the metric euclidean")
    return normalise_rows(features)


def _pair_distances(queries: Tensor, gallery: Tensor, metric: Metric) -> Tensor:
    queries, gallery = queries.double(), gallery.double()
    if metric == "euclidean":
        return sum_rows((queries - gallery).square())
    return 1 - sum_rows(normalise_rows(queries) * normalise_rows(gallery))


def normalise_rows(features: Tensor) -> Tensor:
    """Rows of (N, D) divided by their Euclidean lengths, in float64."""
    features = features.double()
    return features / _roots(sum_rows(features.square())).unsqueeze(1)


def _roots(values: Tensor) -> Tensor:
    """Square roots, correctly rounded, which those of torch on a processor need not be."""
    if values.device.type == "cpu":
        return torch.from_numpy(np.sqrt(values.detach().numpy()))
    return values.sqrt()


def sum_rows(values: Tensor) -> Tensor:
    """The sum of each row of (N, D) values, added in an order that only D decides: (N,)."""
    if values.shape[1] == 0:
        return values.new_zeros(len(values))
    while values.shape[1] > 1:
        half = values.shape[1] // 2
        odd = values[:, 2 * half :]
        values = torch.cat([values[:, :half] + values[:, half : 2 * half], odd], dim=1)
    return values[:, 0]
