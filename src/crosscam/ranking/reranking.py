"""Re-ranking with k-reciprocal encoding (Zhong et al., CVPR 2017), in bounded memory.

The distance of a query and a gallery image becomes a mixture: lambda times the original, the
squared Euclidean distance divided by the query's largest to any image, query or gallery; and
1 - lambda times the Jaccard distance of their reciprocal encodings. Those are sparse, and a query's
Jaccard distances need only the images that share an entry with it; so nothing here is N x N, and
not even Q x G if the distances are taken block by block.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosscam.arrays import FeaturesLike
from crosscam.choices import K1, K2, LAMBDA
from crosscam.errors import InputError
from crosscam.ranking.candidates import ranges
from crosscam.ranking.centred import centred_product, dot_products, read_features
from crosscam.ranking.compiling import compiled_available
from crosscam.ranking.neighbours import search
from crosscam.ranking.product import Product, blocks
from crosscam.ranking.reciprocal import SparseRows, divided, encode
from crosscam.ranking.scoring import check_size
from crosscam.ranking.threads import share_rows
from crosscam.types import Float64s

Float32s = NDArray[np.float32]


def rerank(
    query_features: FeaturesLike,
    gallery_features: FeaturesLike,
    k1: int = K1,
    k2: int = K2,
    lambda_value: float = LAMBDA,
) -> Float32s:
    """Re-ranked distances of all queries and gallery images: (Q, G) float32 in [0, 1], about.

    The arguments are those of `rerank_blocks`, which needs no matrix of that size.
    """
    blocks = rerank_blocks(query_features, gallery_features, k1, k2, lambda_value)
    result = np.empty((len(query_features), len(gallery_features)), dtype=np.float32)
    done = 0
    for block in blocks:
        result[done : done + len(block)] = block
        done += len(block)
    return result


def rerank_blocks(
    query_features: FeaturesLike,
    gallery_features: FeaturesLike,
    k1: int = K1,
    k2: int = K2,
    lambda_value: float = LAMBDA,
    *,
    query_block: int = 256,
) -> Iterator[Float32s]:
    """Re-ranked distances, for `query_block` queries after another: (b, G) float32 each.

    Features are (Q, D) and (G, D) NumPy arrays or torch tensors, on any device, floating and
    finite, taken as they come: normalise them first if wanted. `k1` is how many neighbours make the
    reciprocal sets, `k2` over how many of the nearest images encodings are averaged (1: none), both
    counted among queries and gallery together, and all of these where they are fewer, as in the
    paper's code; `lambda_value` in [0, 1] is the share of the original distance, which is left 0
    for a query that all images are equal to. Of images equally far the earlier is nearer,
    queries before the gallery; neighbours are those of float64 distances. What holds for all
    queries is worked out before the first block.

    Raises `InputError`, at the call, for shapes that do not fit, for features that are not finite,
    for an empty gallery, and for settings out of range.
    """
    check_size("k1", k1)
    check_size("k2", k2)
    check_size("query_block", query_block)
    if not isinstance(lambda_value, (int, float)) or not 0 <= lambda_value <= 1:
        raise InputError(f"lambda_value must be a number from 0 to 1, not {lambda_value!r}")
    queries, gallery = read_features(
        query_features, gallery_features, ("query_features", "gallery_features"), "euclidean"
    )
    if not len(gallery):
        raise InputError("the gallery is empty, so there is nothing to rank")
    return _blocks(queries, gallery, k1, k2, lambda_value, query_block)


def _blocks(
    queries: Tensor, gallery: Tensor, k1: int, k2: int, lambda_value: float, query_block: int
) -> Iterator[Float32s]:
    if len(queries):
        mixture = _Mixture.of(queries, gallery, k1, k2, lambda_value)
        for start, stop in blocks(len(queries), query_block):
            yield mixture.distances(slice(start, stop))


@dataclass(frozen=True, eq=False)
class _Mixture:
    """What the distances of any query are made of."""

    product: Product
    furthest: Float64s  # (Q,)
    queries: SparseRows  # (Q, N) encodings
    gallery: SparseRows  # (N, G): for each image, the gallery images whose encodings hold it
    lambda_value: float

    @classmethod
    def of(
        cls, queries: Tensor, gallery: Tensor, k1: int, k2: int, lambda_value: float
    ) -> "_Mixture":
        everything = torch.cat([queries, gallery])
        count, first = len(everything), len(queries)
        with torch.inference_mode():
            found = search(everything, everything, min(max(k1 + 1, k2), count), "euclidean")
            near, furthest = found.neighbours.indices, found.furthest
            vectors = encode(everything, near, furthest, k1, k2)
            product = centred_product(queries, gallery, "euclidean")
        return cls(
            product,
            furthest[:first],
            vectors.part(slice(0, first)),
            vectors.part(slice(first, count)).transposed(count),
            lambda_value,
        )

    def distances(self, block: slice) -> Float32s:
        """(b, G) float32, for the queries of the block."""
        result = self._jaccard(block)
        result *= 1 - self.lambda_value
        if self.lambda_value:
            result += self.lambda_value * self._original(block)
        return result

    def _original(self, block: slice) -> Float32s:
        """Squared distances as shares of each query's largest."""
        halves = self.product.gallery.halves
        with torch.inference_mode():
            buffer = halves.new_empty((block.stop - block.start) * len(halves))
            values = dot_products(self.product, block, slice(0, len(halves)), buffer).sub_(halves)
        # Shares are in [0, 1], so float32 is good enough; a mean and scale taken off cancel here.
        squares = self.product.query_squares[block]
        largest = self.furthest[block] * self.product.scale
        shares: Float32s = values.cpu().numpy()
        shares *= divided(-2.0, largest).astype(np.float32)[:, None]
        shares += divided(squares, largest).astype(np.float32)[:, None]
        return np.maximum(shares, 0, out=shares)

    def _jaccard(self, block: slice) -> Float32s:
        queries = self.queries.part(block)
        shared = np.empty(
            (len(queries.starts) - 1, len(self.product.gallery.rows)), dtype=np.float32
        )
        work = _compiled if compiled_available() else _plain
        share_rows(lambda rows: work(queries.part(rows), self.gallery, shared[rows]), len(shared))
        # Vectors sum to 1, so the sum of the larger values is 2 - that of the smaller ones. Means
        # that took in a vector of 0 sum to less; the paper's code does not tell them apart either.
        shared /= 2 - shared
        return np.subtract(1, shared, out=shared)


def _compiled(queries: SparseRows, gallery: SparseRows, out: Float32s) -> None:
    from crosscam.ranking.reranking_compiled import shared_weight  # noqa: PLC0415

    shared_weight(
        queries.starts,
        queries.columns,
        queries.values,
        gallery.starts,
        gallery.columns,
        gallery.values,
        out,
    )


def _plain(queries: SparseRows, gallery: SparseRows, out: Float32s) -> None:
    counts = np.diff(gallery.starts)
    for row, (start, end) in enumerate(pairwise(queries.starts)):
        columns = queries.columns[start:end]
        places = ranges(gallery.starts[columns], counts[columns])
        values = np.repeat(queries.values[start:end], counts[columns])
        smaller = np.minimum(values, gallery.values[places])
        out[row] = np.bincount(gallery.columns[places], smaller, minlength=out.shape[1])
