"""Ranking a gallery for each query, and scoring the ranking: CMC, mAP and mINP.

The rules (Zheng et al., ICCV 2015; mINP: Ye et al., TPAMI 2021):

* A gallery image of the query's own person from the query's own camera is left out for that query;
  a gallery image of pid -1 is left out for all. Without camera ids nothing is left out for them.
* The j-th nearest positive has rank j + the number of wrong images not further away than it. So a
  tie counts against the model, and the order of the gallery cannot matter.
* A query without a positive is left out of the means, and counted.

Scores are those of float64 distances between the given float32 features. A float32 product of a
block of queries with a block of the gallery does most of the work by *counting*: for each positive,
the wrong images that are certainly nearer. Where the product's error bound leaves it open, the pair
is measured again in float64, alone. So block sizes, threads and devices cannot change a score, and
the whole distance matrix never exists.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crosscam.devices import full_float32
from crosscam.errors import InputError
from crosscam.evaluation.distances import normalise_rows, pair_distances, sum_rows
from crosscam.types import Int64s, Metric, Scores

JUNK = -1
_LARGEST = 10**7
_ROWS = 4096  # taken into float64 at a time
_UNIT = 2.0**-24  # half a unit in the last place of a float32 between 1 and 2


def rank(
    query_features: Any,
    gallery_features: Any,
    query_pids: Any,
    gallery_pids: Any,
    query_camids: Any = None,
    gallery_camids: Any = None,
    *,
    metric: Metric = "euclidean",
    max_rank: int = 50,
    query_block: int = 256,
    gallery_block: int = 16384,
) -> Scores:
    """Score how well each query's true matches rank in the gallery.

    Features are (Q, D) and (G, D) NumPy arrays or torch tensors, on any device, floating and
    finite; float64 ones are rounded to float32 first. Pids and camids are (Q,) and (G,) integers;
    camids are None on both sides where cameras are not known. `metric` is "euclidean" or "cosine",
    on the features as they are. `cmc` has `max_rank` entries, the last value repeated where the
    gallery is shorter. `query_block` and `gallery_block` bound the memory, not the result.

    Raises `InputError` for shapes that do not fit, for features that are not finite or, with
    "cosine", zero, and if no query has a positive.
    """
    if metric not in ("euclidean", "cosine"):
        raise InputError(f'metric is "euclidean" or "cosine", not {metric!r}')
    for name, value in (
        ("max_rank", max_rank),
        ("query_block", query_block),
        ("gallery_block", gallery_block),
    ):
        if not isinstance(value, int) or not 1 <= value <= _LARGEST:
            raise InputError(f"{name} must be an integer from 1 to {_LARGEST}, not {value!r}")
    queries = _features(query_features, "query_features", metric)
    gallery = _features(gallery_features, "gallery_features", metric).to(queries.device)
    if queries.shape[1] != gallery.shape[1]:
        raise InputError(
            f"query features have {queries.shape[1]} dimensions, "
            f"gallery features {gallery.shape[1]}"
        )
    labels = _Labels(
        _integers(query_pids, len(queries), "query_pids"),
        _integers(gallery_pids, len(gallery), "gallery_pids"),
        *_cameras(query_camids, gallery_camids, len(queries), len(gallery)),
    )
    valid_gallery = np.flatnonzero(labels.gallery_pids != JUNK)
    if len(valid_gallery) < len(gallery):
        gallery = gallery[torch.from_numpy(valid_gallery).to(gallery.device)]
        labels = labels.with_gallery(valid_gallery)
    matches = list(labels.matches())
    if not any(len(positives) for _, positives in matches):
        raise InputError(
            f"none of the {len(queries)} queries has a true match in the gallery (of its person, "
            "from another camera): check the labels, or leave the camera ids out"
        )
    with torch.inference_mode(), full_float32(), torch.autocast(queries.device.type, enabled=False):
        ranks = _positive_ranks(queries, gallery, matches, metric, query_block, gallery_block)
    return _scores(ranks, max_rank)


@dataclass(frozen=True)
class _Labels:
    query_pids: Int64s
    gallery_pids: Int64s
    query_camids: Int64s | None
    gallery_camids: Int64s | None

    def with_gallery(self, kept: Int64s) -> "_Labels":
        camids = None if self.gallery_camids is None else self.gallery_camids[kept]
        return _Labels(self.query_pids, self.gallery_pids[kept], self.query_camids, camids)

    def matches(self) -> Iterator[tuple[Int64s, Int64s]]:
        """For each query, the gallery images of its person: all of them, and its positives."""
        order = np.argsort(self.gallery_pids, kind="stable")
        sorted_pids = self.gallery_pids[order]
        starts = np.searchsorted(sorted_pids, self.query_pids, side="left")
        ends = np.searchsorted(sorted_pids, self.query_pids, side="right")
        for query, (start, end) in enumerate(zip(starts, ends, strict=True)):
            own = order[start:end]
            if self.query_camids is None or self.gallery_camids is None:
                yield own, own
            else:
                yield own, own[self.gallery_camids[own] != self.query_camids[query]]


def _positive_ranks(
    queries: Tensor,
    gallery: Tensor,
    matches: Sequence[tuple[Int64s, Int64s]],
    metric: Metric,
    query_block: int,
    gallery_block: int,
) -> list[Int64s]:
    """For each query, the rising ranks of its positives, from 1; empty if it has none."""
    product = _Product.of(queries, gallery, metric)
    wrong_before = []
    for start in range(0, len(queries), query_block):
        block = range(start, min(start + query_block, len(queries)))
        counters = [
            _Counter.of(query, *matches[query], queries, gallery, metric, product)
            for query in block
        ]
        for left in range(0, len(gallery), gallery_block):
            right = min(left + gallery_block, len(gallery))
            similarities = product.similarities(block, slice(left, right))
            for row, counter in zip(similarities, counters, strict=True):
                counter.count(row, left, queries, gallery, metric)
        wrong_before += [counter.wrong.cpu().numpy() for counter in counters]
    return [1 + np.arange(len(wrong)) + wrong for wrong in wrong_before]


@dataclass(frozen=True)
class _Product:
    """Float32 similarities, with the bound of their error: the more similar, the nearer.

    The similarity of q and g is q.g - |g|^2 / 2, which orders the gallery of one query as
    -|q - g|^2 does. Features are scaled by a power of two, which is exact, so that squares neither
    overflow nor vanish; `scale` is its square.
    """

    queries: Tensor
    gallery: Tensor
    half_squares: Tensor
    query_squares: Tensor
    error: Tensor
    scale: float

    @classmethod
    def of(cls, queries: Tensor, gallery: Tensor, metric: Metric) -> "_Product":
        if metric == "cosine":
            queries, gallery = _unit_rows(queries), _unit_rows(gallery)
        largest = max((float(x.abs().max()) for x in (queries, gallery) if x.numel()), default=0.0)
        exponent = int(np.clip(np.frexp(largest)[1], -126, 126))  # 2^-exponent must be a float32
        factor = 2.0**-exponent
        queries, gallery = queries * factor, gallery * factor
        query_squares, gallery_squares = _row_squares(queries), _row_squares(gallery)
        query_lengths, longest = query_squares.sqrt(), gallery_squares.max().sqrt()
        # Higham, Accuracy and Stability of Numerical Algorithms, 3.1: a float32 dot product of D
        # terms, added in any order, errs by at most D u / (1 - D u) |q| |g|; ten more roundings
        # cover the conversion of both factors, the subtraction and the comparisons. The last two
        # terms are the roundings of float64 and what float32 flushes to zero.
        terms = (queries.shape[1] + 10) * _UNIT
        error = terms / (1 - terms) * longest * (query_lengths + longest)
        error = error + 2.0**-50 * (query_squares + longest**2) + 1e-30
        return cls(queries, gallery, (gallery_squares / 2).float(), query_squares, error, factor**2)

    def similarities(self, block: range, columns: slice) -> Tensor:
        """(queries of the block, gallery images of the columns) float32."""
        rows = self.queries[block.start : block.stop]
        return torch.mm(rows, self.gallery[columns].T).sub_(self.half_squares[columns])

    def at_distance(self, query: int, distances: Tensor, metric: Metric) -> Tensor:
        """The float64 similarity that a gallery image at each distance has."""
        if metric == "cosine":  # of unit vectors: |q - g|^2 = 2 (1 - cosine)
            distances = 2 * distances
        return (self.query_squares[query] - distances * self.scale) / 2


@dataclass
class _Counter:
    """Counts, for one query, the wrong images not further away than each of its positives."""

    query: int
    ignored: Tensor  # the gallery images of the query's own person, which are not wrong
    distances: Tensor  # (P,) float64, of the positives, rising
    certain: Tensor  # (P,) float32: a similarity above this is certainly nearer
    possible: Tensor  # (P,) float32: a similarity below this is certainly further
    wrong: Tensor  # (P,) int64

    @classmethod
    def of(
        cls,
        query: int,
        own: Int64s,
        positives: Int64s,
        queries: Tensor,
        gallery: Tensor,
        metric: Metric,
        product: _Product,
    ) -> "_Counter":
        device = queries.device
        columns = torch.from_numpy(positives).to(device)
        repeated = queries[query].expand(len(positives), -1)
        distances = pair_distances(repeated, gallery[columns], metric).sort().values
        similarities = product.at_distance(query, distances, metric)
        error = product.error[query]
        return cls(
            query,
            torch.from_numpy(own).to(device),
            distances,
            (similarities + error).float(),
            (similarities - error).float(),
            torch.zeros(len(positives), dtype=torch.int64, device=device),
        )

    def count(
        self, row: Tensor, left: int, queries: Tensor, gallery: Tensor, metric: Metric
    ) -> None:
        """Take in one row of similarities, of the gallery images from `left` on."""
        if not len(self.wrong):
            return
        inside = (self.ignored >= left) & (self.ignored < left + len(row))
        row[self.ignored[inside] - left] = -torch.inf
        nearer = row > self.certain.unsqueeze(1)
        open_pairs = (row >= self.possible.unsqueeze(1)) & ~nearer
        self.wrong += nearer.sum(dim=1)
        columns = open_pairs.any(dim=0).nonzero().squeeze(1)
        if len(columns):
            repeated = queries[self.query].expand(len(columns), -1)
            distances = pair_distances(repeated, gallery[columns + left], metric)
            not_further = distances <= self.distances.unsqueeze(1)
            self.wrong += (open_pairs[:, columns] & not_further).sum(dim=1)


def _unit_rows(features: Tensor) -> Tensor:
    return torch.cat([normalise_rows(rows).float() for rows in features.split(_ROWS)])


def _row_squares(features: Tensor) -> Tensor:
    return torch.cat([sum_rows(rows.double().square()) for rows in features.split(_ROWS)])


def _scores(ranks: list[Int64s], max_rank: int) -> Scores:
    counts = np.array([len(query) for query in ranks], dtype=np.int64)
    valid = counts > 0
    precisions, penalties = np.full(len(ranks), np.nan), np.full(len(ranks), np.nan)
    first = np.zeros(len(ranks), dtype=np.int64)
    for query in np.flatnonzero(valid):
        own = ranks[query]
        precisions[query] = np.mean(np.arange(1, len(own) + 1) / own)
        penalties[query] = len(own) / own[-1]
        first[query] = own[0]
    hits = np.bincount(np.minimum(first[valid], max_rank + 1), minlength=max_rank + 2)
    return Scores(
        cmc=np.cumsum(hits[1 : max_rank + 1]) / valid.sum(),
        mAP=float(precisions[valid].mean()),
        mINP=float(penalties[valid].mean()),
        num_valid_queries=int(valid.sum()),
        average_precisions=precisions,
        inverse_penalties=penalties,
        first_match_ranks=first,
    )


def _features(values: Any, name: str, metric: Metric) -> Tensor:
    try:
        features = values if isinstance(values, Tensor) else torch.from_numpy(np.array(values))
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} is no array of numbers: {error}") from None
    if features.ndim != 2 or not features.is_floating_point():
        raise InputError(
            f"{name} must be (N, D) floating numbers, not {tuple(features.shape)} {features.dtype}"
        )
    if features.device.type not in ("cpu", "cuda"):
        features = features.cpu()  # other devices may not have float64
    features = features.detach().to(torch.float32)
    broken = int((~torch.isfinite(features)).any(dim=1).sum())
    if broken:
        raise InputError(f"{name}: {broken} of {len(features)} rows hold NaN or infinity")
    zero = int((features == 0).all(dim=1).sum()) if metric == "cosine" else 0
    if zero:
        raise InputError(
            f"{name}: {zero} of {len(features)} rows are zero, which has no cosine with anything; "
            'use metric="euclidean"'
        )
    return features


def _integers(values: Any, count: int, name: str) -> Int64s:
    array = values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)
    if array.shape != (count,):
        raise InputError(f"{name} must be ({count},), one for each feature, not {array.shape}")
    if count and not np.issubdtype(array.dtype, np.integer):
        raise InputError(f"{name} must be integers, not {array.dtype}")
    return array.astype(np.int64)


def _cameras(
    query_camids: Any, gallery_camids: Any, queries: int, gallery: int
) -> tuple[Int64s | None, Int64s | None]:
    if (query_camids is None) != (gallery_camids is None):
        raise InputError("give camids for the query and the gallery, or for neither")
    if query_camids is None:
        return None, None
    return (
        _integers(query_camids, queries, "query_camids"),
        _integers(gallery_camids, gallery, "gallery_camids"),
    )
