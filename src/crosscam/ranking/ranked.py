"""The ranking of a whole gallery in one pass: ranks, the nearest wrong images, ranks by camera.

A float32 product about the mean (`centred.py`) of each block of queries with each block of the
gallery is counted (`counting.py`) and picked from (`candidates.py`): so true matches have their
ranks, and the nearest images of other people are found, exact for float64 distances. The gallery
is gone through camera by camera, and counts are taken off at the end of each: their sum is the
rank in the whole gallery, and that of a match's own camera alone its rank there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from crosscam.ranking.candidates import Candidates, Scan
from crosscam.ranking.centred import centred_product, dot_products, read_features
from crosscam.ranking.counting import Block, Counting, Targets, counting_on, own_in
from crosscam.ranking.matches import JUNK, Labels, Worn
from crosscam.ranking.product import Product, blocks
from crosscam.ranking.scoring import check_size
from crosscam.types import (
    Clothes,
    Embeddings,
    Float64s,
    Int64s,
    Metric,
    QueryPairs,
    Ranking,
)

FIRST = 20
NOBODY = -1
_QUERY_BLOCK, _GALLERY_BLOCK = 512, 4096
_UNIT = 2.0**-24


def rank_gallery(
    query: Embeddings,
    gallery: Embeddings,
    *,
    metric: Metric,
    leaves_out_cameras: bool = True,
    clothes: Clothes | None = None,
    first: int = FIRST,
) -> Ranking:
    """Rank the gallery for each query by the rules of `rank`, keeping the `first` wrong images.

    Where cameras are known and `leaves_out_cameras`, gallery images of the query's person and
    camera do not count for it, nor do those in other clothes than true matches are to wear, "same"
    or "other" ones; those of pid -1 never do. A query of pid -1 has neither matches nor
    own images. Memory holds up to two more float32 copies of the features.

    Raises `InputError` for lengths that differ, for cameras known on one side alone, for clothes
    that are asked for and not known and, with "cosine", for features that are zero.
    """
    check_size("first", first)
    order = _by_camera(gallery.camids, len(gallery.pids))
    known = leaves_out_cameras or query.camids is None or gallery.camids is None
    labels = Labels.of(
        query.pids,
        gallery.pids[order],
        query.camids if known else None,
        gallery.camids[order] if known and gallery.camids is not None else None,
        queries=len(query.pids),
        gallery=len(gallery.pids),
    )
    worn = Worn.between(query, gallery, clothes)
    if worn is not None:
        labels = replace(labels, worn=replace(worn, gallery=worn.gallery[order]))
    asked, seen = read_features(
        query.features, gallery.features, ("query features", "gallery features"), metric
    )
    with torch.inference_mode(), counting_on(seen.device) as counting:
        work = _Pass.of(asked, seen, order, labels, gallery.camids, metric, counting, first)
        parts = [work.rank(*block) for block in blocks(len(asked), _QUERY_BLOCK)]
    return _joined(parts, metric, first)


def _by_camera(camids: Int64s | None, count: int) -> Int64s:
    """Gallery images by rising camera, (G,), in their own order within one."""
    return np.arange(count) if camids is None else np.argsort(camids, kind="stable")


@dataclass(frozen=True, eq=False)
class _Pass:
    """Ranks the whole gallery for some of the queries.

    `gallery` is in the order by camera, `unordered` as it was given, and `order` says which image
    of that each of the other is. `spans` are the edges of the cameras in the order, `camids` (G,)
    those of its images, None where they are not known.
    """

    product: Product
    labels: Labels
    counting: Counting
    metric: Metric
    first: int
    queries: Tensor
    gallery: Tensor
    unordered: Tensor
    order: Int64s
    spans: Int64s
    camids: Int64s | None

    @classmethod
    def of(
        cls,
        queries: Tensor,
        unordered: Tensor,
        order: Int64s,
        labels: Labels,
        camids: Int64s | None,
        metric: Metric,
        counting: Counting,
        first: int,
    ) -> "_Pass":
        count = len(order)
        is_sorted = bool((order == np.arange(count)).all())
        gallery = unordered if is_sorted else unordered[torch.from_numpy(order)]
        product = centred_product(queries, gallery, metric)
        # The bound is one of differences between similarities of one query; here they are compared
        # with what a distance says, so the rounding of the query's own coordinates counts too.
        longest = np.sqrt(2 * float(product.gallery.halves.max())) if count else 0.0
        rounding = 2 * _UNIT * np.square(np.sqrt(product.query_squares) + longest)
        product = replace(
            product,
            errors=product.errors + rounding,
            scale=product.scale * (2 if metric == "cosine" else 1),  # |q - g|^2 = 2 (1 - cosine)
        )
        ordered = None if camids is None else camids[order]
        inner = np.zeros(0, int) if ordered is None else np.flatnonzero(np.diff(ordered)) + 1
        spans = np.unique(np.concatenate([[0], inner, [count]]))
        return cls(
            product,
            labels,
            counting,
            metric,
            first,
            queries,
            gallery,
            unordered,
            order,
            spans,
            ordered,
        )

    def rank(self, start: int, stop: int) -> Ranking:
        """The ranking for the queries from `start` to `stop`, as if there were no others."""
        queries, found = self.queries[start:stop], self.labels.matches(start, stop)
        rows = np.repeat(np.arange(stop - start), np.diff(found.own_offsets))
        measured = self.counting.measure(queries, self.gallery, rows, found.own, self.metric)
        targets = Targets.of(found, measured[found.counts], self.product, start)
        scan = Scan.of(
            queries,
            self.unordered,
            self.product.errors[start:stop],
            self.first,
            self.metric,
            self.counting,
            torch.from_numpy(self.order),
        )
        nearest_first = np.lexsort((self.order[found.own], measured, rows))
        matches = nearest_first[found.counts[nearest_first]]
        cameras = None if self.camids is None else self.camids[found.own[matches]]
        wrong, camera_wrong = np.zeros((2, len(matches)), dtype=np.int64)
        for left, right in pairwise(self.spans.tolist()):
            self._meet(slice(start, stop), slice(left, right), targets, scan)
            here = targets.wrong_before()
            targets.tallies[:] = 0
            wrong += here
            if cameras is not None and self.camids is not None:
                own_camera = cameras == self.camids[left]
                camera_wrong[own_camera] = here[own_camera]
        counted = nearest_first[self.labels.query_pids[start + rows[nearest_first]] != JUNK]
        images = self.order[found.own]
        return Ranking(
            self.metric,
            _pairs(rows, images, measured, matches, stop - start),
            1 + _places(rows[matches], columns=None) + wrong,
            None if cameras is None else 1 + _places(rows[matches], cameras) + camera_wrong,
            _pairs(rows, images, measured, counted, stop - start),
            *_filled(scan.nearest(), stop - start, self.first),
        )

    def _meet(self, rows: slice, span: slice, targets: Targets, scan: Scan) -> None:
        """Let queries meet the gallery images of a span, a block after another."""
        is_junk = torch.from_numpy(self.labels.gallery_pids[span] == JUNK)
        halves = self.product.gallery.halves[span].masked_fill(is_junk, torch.inf)  # never similar
        width = min(_GALLERY_BLOCK, span.stop - span.start)
        buffer = self.gallery.new_empty((rows.stop - rows.start) * width)
        queries, taken_off = self.queries[rows], torch.zeros(width)
        for low, high in blocks(len(halves), _GALLERY_BLOCK):
            here = slice(span.start + low, span.start + high)
            values = dot_products(self.product, rows, here, buffer).sub_(halves[low:high])
            seen = self.gallery[here]
            block = Block(values, taken_off[: len(seen)], 0, here.start, queries, seen, self.metric)
            values[own_in(block, targets)] = -torch.inf
            self.counting.count(block, targets)
            scan.take(values, here.start)


def _places(rows: Int64s, columns: Int64s | None) -> Int64s:
    """Where each pair stands, from 0, among those of its row, or of its row and column: (P,).

    Rows rise.
    """
    keys = rows
    if columns is not None:
        kinds = np.unique(columns, return_inverse=True)[1]
        keys = rows * (kinds.max(initial=0) + 1) + kinds
    order = np.argsort(keys, kind="stable")
    places = np.empty(len(keys), dtype=np.int64)
    places[order] = np.arange(len(keys)) - np.searchsorted(keys[order], keys[order])
    return places


def _pairs(
    rows: Int64s, images: Int64s, distances: Float64s, chosen: Int64s, count: int
) -> QueryPairs:
    """The chosen pairs, whose rows rise below `count`."""
    offsets = np.concatenate([[0], np.cumsum(np.bincount(rows[chosen], minlength=count))])
    return QueryPairs(offsets, images[chosen], distances[chosen])


def _filled(found: Candidates, count: int, first: int) -> tuple[Int64s, Float64s]:
    """Neighbours as (count, first) tables, -1 and infinite where there are fewer."""
    images, distances = np.full((count, first), NOBODY), np.full((count, first), np.inf)
    places = found.rows, _places(found.rows, columns=None)
    images[places], distances[places] = found.columns, found.distances
    return images, distances


def _joined(parts: Sequence[Ranking], metric: Metric, first: int) -> Ranking:
    """The ranking of all queries, given in parts."""
    by_camera = [part.camera_ranks for part in parts if part.camera_ranks is not None]
    return Ranking(
        metric,
        _joined_pairs([part.matches for part in parts]),
        np.concatenate([part.ranks for part in parts] or [np.zeros(0, np.int64)]),
        np.concatenate(by_camera) if by_camera else None,
        _joined_pairs([part.own for part in parts]),
        np.concatenate([part.wrong for part in parts] or [np.zeros((0, first), np.int64)]),
        np.concatenate([part.wrong_distances for part in parts] or [np.zeros((0, first))]),
    )


def _joined_pairs(parts: Sequence[QueryPairs]) -> QueryPairs:
    counts = [np.diff(part.offsets) for part in parts]
    return QueryPairs(
        np.concatenate([[0], np.cumsum(np.concatenate([[], *counts]))]).astype(np.int64),
        np.concatenate([np.zeros(0, np.int64), *(part.images for part in parts)]),
        np.concatenate([np.zeros(0), *(part.distances for part in parts)]),
    )
