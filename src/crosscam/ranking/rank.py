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
the whole distance matrix never exists. Features are read a block at a time, from wherever they lie.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from crosscam.arrays import FeaturesLike, LabelsLike
from crosscam.devices import full_float32
from crosscam.errors import InputError
from crosscam.ranking.counting import Block, Counting, Targets, counting_on
from crosscam.ranking.matches import JUNK, Labels, Matches
from crosscam.ranking.product import Product, blocks, survey
from crosscam.ranking.rows import Rows
from crosscam.ranking.scoring import Ranks, check_size, score_ranks
from crosscam.types import Clothes, Embeddings, Float64s, Int64s, Metric, Scores

_QUERY_BLOCK, _GALLERY_BLOCK = 512, 4096
_HELD_BYTES = 128 * 2**20  # of queries, which meet the whole gallery before the next do
_HELD_PAIRS = 2**22  # of queries and images of their persons


def rank(
    query_features: FeaturesLike,
    gallery_features: FeaturesLike,
    query_pids: LabelsLike,
    gallery_pids: LabelsLike,
    query_camids: LabelsLike | None = None,
    gallery_camids: LabelsLike | None = None,
    *,
    metric: Metric = "euclidean",
    max_rank: int = 50,
    query_block: int = _QUERY_BLOCK,
    gallery_block: int = _GALLERY_BLOCK,
) -> Scores:
    """Score how well each query's true matches rank in the gallery.

    Features are (Q, D) and (G, D) NumPy arrays, memory-mapped or not, or torch tensors on any
    device, floating and finite; float64 ones are rounded to float32 first. Pids and camids are (Q,)
    and (G,) integers; camids are None on both sides where cameras are not known. `metric` is
    "euclidean" or "cosine", on the features as they are. `cmc` has `max_rank` entries, the last
    value repeated where the gallery is shorter. `query_block` and `gallery_block` bound the memory,
    not the result.

    Raises `InputError` for shapes that do not fit, for features that are not finite or, with
    "cosine", zero, for ids beyond int64, for masked, sparse and meta arrays, and if no query has a
    positive.
    """
    _refuse_settings(metric, max_rank, query_block, gallery_block)
    queries = Rows.of(query_features, "query_features")
    gallery = Rows.of(gallery_features, "gallery_features", queries.device)
    labels = Labels.of(
        query_pids,
        gallery_pids,
        query_camids,
        gallery_camids,
        queries=len(queries),
        gallery=len(gallery),
    )
    parts = _rank_matches(queries, gallery, labels, metric, query_block, gallery_block)
    return score_ranks(parts, max_rank)


def rank_embeddings(
    query: Embeddings,
    gallery: Embeddings,
    *,
    metric: Metric,
    max_rank: int = 50,
    clothes: Clothes | None = None,
) -> Scores:
    """`rank` on embeddings; where true matches are to wear `clothes`, those in others are left out.

    Raises `InputError` if clothes are asked for and not known, too.
    """
    _refuse_settings(metric, max_rank, _QUERY_BLOCK, _GALLERY_BLOCK)
    queries = Rows.of(query.features, "query_features")
    gallery_rows = Rows.of(gallery.features, "gallery_features", queries.device)
    labels = Labels.between(query, gallery, clothes=clothes)
    parts = _rank_matches(queries, gallery_rows, labels, metric, _QUERY_BLOCK, _GALLERY_BLOCK)
    return score_ranks(parts, max_rank)


def _refuse_settings(metric: Metric, max_rank: int, query_block: int, gallery_block: int) -> None:
    if metric not in ("euclidean", "cosine"):
        raise InputError(f'metric is "euclidean" or "cosine", not {metric!r}')
    check_size("max_rank", max_rank)
    check_size("query_block", query_block)
    check_size("gallery_block", gallery_block)


def _rank_matches(
    queries: Rows,
    gallery: Rows,
    labels: Labels,
    metric: Metric,
    query_block: int,
    gallery_block: int,
) -> list[Ranks]:
    if queries.dim != gallery.dim:
        raise InputError(
            f"query features have {queries.dim} dimensions, gallery features {gallery.dim}"
        )
    with (
        torch.inference_mode(),
        full_float32(),
        torch.autocast(queries.device.type, enabled=False),
        counting_on(queries.device) as counting,
    ):
        product = Product.of(
            survey(queries, "query_features", metric),
            survey(gallery, "gallery_features", metric),
            metric,
        )
        ranker = _Ranker(product, labels, counting, query_block, gallery_block)
        return [ranker.rank(group) for group in _groups(labels.counts(), queries.dim)]


def _groups(counts: Int64s, dim: int) -> Iterator[range]:
    """Consecutive queries, as many as are held at a time."""
    most = max(1, _HELD_BYTES // (4 * max(1, dim)))
    before = np.concatenate([[0], np.cumsum(counts)])
    start = 0
    while start < len(counts):
        fitting = int(np.searchsorted(before, before[start] + _HELD_PAIRS, "right")) - 1
        stop = max(start + 1, min(start + most, fitting))
        yield range(start, stop)
        start = stop


@dataclass(frozen=True)
class _Ranker:
    """Ranks the whole gallery for some of the queries."""

    product: Product
    labels: Labels
    counting: Counting
    query_block: int
    gallery_block: int

    def rank(self, group: range) -> Ranks:
        """The ranks of the positives of consecutive queries."""
        queries = self.product.queries.rows.block(group.start, group.stop)
        matches = self.labels.matches(group.start, group.stop)
        measured = self._measure(matches, queries)
        targets = Targets.of(matches, measured, self.product, group.start)
        self._count(queries, targets, group)
        return Ranks.of(matches.offsets, targets.wrong_before())

    def _measure(self, matches: Matches, queries: Tensor) -> Float64s:
        """The float64 distance of each query to each of its positives, pair after pair."""
        distances = np.empty(len(matches.positives))
        order = np.argsort(matches.positives, kind="stable")
        positives = matches.positives[order]
        gallery = self.product.gallery.rows
        for left, right in blocks(len(gallery), self.gallery_block):
            here = slice(*np.searchsorted(positives, [left, right]))
            if here.start < here.stop:
                distances[order[here]] = self.counting.measure(
                    queries,
                    gallery.block(left, right),
                    matches.queries[order[here]],
                    positives[here] - left,
                    self.product.metric,
                )
        return distances

    def _count(self, raw_queries: Tensor, targets: Targets, group: range) -> None:
        """Let the queries meet the gallery block by block."""
        product, gallery = self.product, self.product.gallery.rows
        queries = product.queries.ready(raw_queries, group.start)
        height, width = min(self.query_block, len(group)), min(self.gallery_block, len(gallery))
        buffer = queries.new_empty(height * width)
        is_junk = torch.from_numpy(self.labels.gallery_pids == JUNK).to(gallery.device)
        halves = product.gallery.halves.masked_fill(is_junk, torch.inf)  # never similar
        for left, right in blocks(len(gallery), self.gallery_block):
            raw = gallery.block(left, right)
            ready = product.gallery.ready(raw, left)
            for first, last in blocks(len(group), height):
                rows = raw_queries[first:last]
                products = buffer[: len(rows) * len(raw)].view(len(rows), len(raw))
                torch.mm(queries[first:last], ready.T, out=products)
                block = Block(products, halves[left:right], first, left, rows, raw, product.metric)
                self.counting.count(block, targets)
