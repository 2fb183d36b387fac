"""The exact nearest neighbours of each image, without the distance matrix.

A float32 product of a block of queries with a block of the gallery picks the candidates: an image
is one until k others are certainly nearer, by the bound of the product's error. Candidates are then
measured in float64, pair by pair, in an order of additions that depends on nothing else. So block
sizes, threads and devices cannot change a neighbour or a distance. Where a set of images is
searched for its own neighbours, each pair is multiplied once.

Candidates stay few where features lie close together, because the product is taken about their
mean, and gallery images with equal features stand in it once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from crosscam.arrays import FeaturesLike
from crosscam.errors import InputError
from crosscam.ranking.candidates import Scan
from crosscam.ranking.centred import centred_product, dot_products, read_features
from crosscam.ranking.copies import Copies
from crosscam.ranking.counting import Counting, counting_on
from crosscam.ranking.product import blocks
from crosscam.types import Float64s, Int64s, Metric

BLOCK = 4096


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest gallery images of each query, nearest first, of equal ones the first first.

    `indices` are (Q, k) int64 positions in the gallery, `distances` (Q, k) float64: squared
    Euclidean, or 1 - the cosine.
    """

    indices: Int64s
    distances: Float64s


def nearest(
    queries: FeaturesLike, gallery: FeaturesLike, *, k: int, metric: Metric = "euclidean"
) -> Neighbours:
    """The `k` nearest gallery images of each query, exact for float64 distances.

    Features are (Q, D) and (G, D) NumPy arrays (memory maps too) or torch tensors, on any device,
    floating and finite; float64 ones are rounded to float32 first. `metric` is "euclidean" or
    "cosine". Where the same array is given twice, an image is its own neighbour, and the work is
    halved. Memory grows with Q k, and holds up to three float32 copies of the features.

    Raises `InputError` for shapes that do not fit, for features that are not finite or, with
    "cosine", zero, and if the gallery has fewer than `k` images.
    """
    if metric not in ("euclidean", "cosine"):
        raise InputError(f'metric is "euclidean" or "cosine", not {metric!r}')
    one, other = read_features(queries, gallery, ("queries", "gallery"), metric)
    if not isinstance(k, int) or not 1 <= k <= len(other):
        raise InputError(
            f"k must be an integer from 1 to the {len(other)} images of the gallery, not {k!r}"
        )
    with torch.inference_mode():
        return search(one, other, k, metric).neighbours


@dataclass(frozen=True, eq=False)
class Found:
    """Neighbours, and the distance of each query to a furthest gallery image: (Q,) float64.

    Which image is furthest is left to the float32 product, but its distance is not.
    """

    neighbours: Neighbours
    furthest: Float64s

    def of(self, rows: Int64s) -> "Found":
        """What was found for some of the queries."""
        near = self.neighbours
        return Found(Neighbours(near.indices[rows], near.distances[rows]), self.furthest[rows])


def search(
    queries: Tensor, gallery: Tensor, k: int, metric: Metric, *, block: int = BLOCK
) -> Found:
    """The `k` nearest and a furthest of float32 features on one device."""
    itself = queries is gallery
    copies = Copies.of(gallery, metric)
    if copies.any:
        gallery = gallery[torch.from_numpy(copies.firsts).to(gallery.device)]
        queries = gallery if itself else queries
    found = Found(
        Neighbours(np.empty((len(queries), k), dtype=np.int64), np.empty((len(queries), k))),
        np.empty(len(queries)),
    )
    with counting_on(gallery.device) as counting:
        for rows, scan in _scans(queries, gallery, k, metric, counting, block):
            candidates = copies.spread(scan.nearest(), k) if copies.any else scan.nearest()
            found.neighbours.indices[rows] = candidates.columns.reshape(-1, k)
            found.neighbours.distances[rows] = candidates.distances.reshape(-1, k)
            found.furthest[rows] = scan.furthest()
    return found.of(copies.groups) if copies.any and itself else found


def _scans(
    queries: Tensor, gallery: Tensor, k: int, metric: Metric, counting: Counting, block: int
) -> Iterator[tuple[slice, Scan]]:
    """For each block of queries, its rows and what a pass over the gallery found."""
    itself = queries is gallery
    product = centred_product(queries, gallery, metric)
    halves = product.gallery.halves
    size = min(block, len(queries)) * min(block, len(gallery))
    buffer, turned = gallery.new_empty(size), gallery.new_empty(size if itself else 0)

    def scan_of(rows: slice) -> Scan:
        return Scan.of(queries[rows], gallery, product.errors[rows], k, metric, counting)

    waiting: dict[int, Scan] = {}  # by the first of their rows
    for start, stop in blocks(len(queries), block):
        rows = slice(start, stop)
        scan = waiting.pop(start, None) or scan_of(rows)
        for left, right in blocks(len(gallery), block):
            if itself and left < start:
                continue
            columns = slice(left, right)
            dots = dot_products(product, rows, columns, buffer)
            if itself and left > start:
                waiting[left] = waiting.get(left) or scan_of(columns)
                other = turned[: dots.numel()].view(right - left, stop - start).copy_(dots.T)
                waiting[left].take(other.sub_(halves[rows]), start)
            scan.take(dots.sub_(halves[columns]), left)
        yield rows, scan
