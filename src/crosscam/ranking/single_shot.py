"""The classic protocol of CUHK03: a gallery of one image a person, in expectation over its draws.

Li et al., "DeepReID", CVPR 2014. For each query the gallery keeps one image a person, drawn from
all of that person's images, and of the query's own person from those of other cameras. Figures used
to be means over random draws; here they are the exact expectations. A true image is drawn with
probability 1 / their number. How many other people stand ahead of it is a sum of independent
chances, one a person: the share of that person's images that are not further away. Such a sum is
Poisson-binomial, and the rank is 1 + it. A tie counts against the model, as in `rank`.

What is compared is float64 distances, in the order of `pair_distances`. A float64 product finds
them up to a bound, and the few images that it leaves as far as a true one are measured again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosscam.errors import InputError
from crosscam.ranking.distances import pair_distances, product_distances, sum_rows
from crosscam.ranking.matches import JUNK
from crosscam.ranking.scoring import check_size
from crosscam.types import Embeddings, ExpectedScores, Float64s, Int64s, Metric

_BLOCK = 256  # queries
_UNIT = 2.0**-53


def rank_single_shot(
    query: Embeddings, gallery: Embeddings, *, metric: Metric, max_rank: int = 50
) -> ExpectedScores:
    """The expected scores over all galleries of one image a person.

    Where cameras are not known, every gallery image of the query's person is a true one. A gallery
    image of pid -1 never counts. Raises `InputError` for features that "cosine" cannot compare, for
    lengths that differ, and if no query has a true image.
    """
    check_size("max_rank", max_rank)
    people = _People.of(gallery)
    precisions = np.full(len(query.pids), np.nan)
    chances = np.full((len(query.pids), len(people.sizes) + 1), np.nan)
    for start in range(0, len(query.pids), _BLOCK):
        asked = _chances_ahead(query, range(start, start + _BLOCK), people, metric)
        for number, ranks in _ranks(asked):
            precisions[number] = np.mean(ranks @ (1 / np.arange(1, ranks.shape[1] + 1)))
            chances[number] = ranks.mean(axis=0)
    num_valid = int(np.isfinite(precisions).sum())
    if not num_valid:
        raise InputError(
            f"none of the {len(query.pids)} queries has a true match in the gallery (of its "
            "person, from another camera): check the labels, or leave the camera ids out"
        )
    cmc = np.minimum(1, np.cumsum(np.nanmean(chances, axis=0))[:max_rank])
    return ExpectedScores(
        cmc=np.pad(cmc, (0, max(0, max_rank - len(cmc))), mode="edge"),
        mAP=float(np.nanmean(precisions)),
        num_valid_queries=num_valid,
        average_precisions=precisions,
        rank_chances=chances,
    )


def rank_chances(ahead: Float64s) -> Float64s:
    """The chances of ranks 1 to R + 1, (P, R + 1), of P images.

    `ahead` is (P, R): how probable it is that the image drawn of each of R others is ahead.
    """
    count, others = ahead.shape
    chances = np.zeros((others + 1, count))
    chances[0] = 1
    for other in range(others):
        chance = ahead[:, other]
        further_down = chances[: other + 1] * chance
        chances[: other + 1] -= further_down
        chances[1 : other + 2] += further_down
    return chances.T


@dataclass(frozen=True, eq=False)
class _People:
    """A gallery sorted by person: person r has the images from `starts[r]` on, `sizes[r]` many."""

    features: Tensor
    pids: Int64s
    camids: Int64s | None
    starts: Int64s
    sizes: Int64s

    @classmethod
    def of(cls, gallery: Embeddings) -> "_People":
        order = np.argsort(gallery.pids, kind="stable")
        order = order[gallery.pids[order] != JUNK]
        pids = gallery.pids[order]
        _, starts, sizes = np.unique(pids, return_index=True, return_counts=True)
        camids = None if gallery.camids is None else gallery.camids[order]
        return cls(torch.from_numpy(gallery.features[order]), pids, camids, starts, sizes)


def _chances_ahead(
    query: Embeddings, block: range, people: _People, metric: Metric
) -> Iterator[tuple[int, Float64s]]:
    """For each query of a block that has true images, (true images, people) chances to be ahead."""
    queries = torch.from_numpy(query.features[block.start : block.stop])
    distances, error = _rough_distances(queries, people.features, metric)
    for row, number in enumerate(block[: len(queries)]):
        own = people.pids == query.pids[number]
        true = own.copy()
        if query.camids is not None and people.camids is not None:
            true &= people.camids != query.camids[number]
        if true.any():
            _settle(distances[row], true, own, error[row], queries[row], people.features, metric)
            nearer = (distances[row] <= distances[row, true, None]) & ~own
            counts = np.add.reduceat(nearer, people.starts, axis=1, dtype=np.int64)
            yield number, counts / people.sizes


def _ranks(asked: Iterable[tuple[int, Float64s]]) -> Iterator[tuple[int, Float64s]]:
    """For each query the chances of its true images' ranks, found for all of a block at once."""
    numbers, ahead = [], []
    for number, chances in asked:
        numbers.append(number)
        ahead.append(chances)
    if numbers:
        together = rank_chances(np.concatenate(ahead))
        ends = np.cumsum([len(chances) for chances in ahead])
        yield from zip(numbers, np.split(together, ends[:-1]), strict=True)


def _rough_distances(queries: Tensor, gallery: Tensor, metric: Metric) -> tuple[Float64s, Float64s]:
    """(Q, G) float64 distances by a product, and (Q,) a bound of their errors."""
    distances, size = product_distances(queries, gallery, metric), torch.ones(len(queries))
    if metric == "euclidean":
        squares, others = (sum_rows(rows.double().square()) for rows in (queries, gallery))
        size = squares + (others.max() if len(others) else 0)
    # A sum of D products is off by at most D units of their sizes, which the mean that is taken off
    # may double; twice that, and what follows.
    error = 32 * (queries.shape[1] + 8) * _UNIT * size.double()
    return distances.numpy(), error.numpy()


def _settle(
    distances: Float64s,
    true: NDArray[np.bool_],
    own: NDArray[np.bool_],
    error: np.float64,
    query: Tensor,
    gallery: Tensor,
    metric: Metric,
) -> None:
    """Measure the true images of one query again, and others that may be as far, in place."""
    rising = np.sort(distances[true])
    above = rising[np.minimum(np.searchsorted(rising, distances), len(rising) - 1)]
    below = rising[np.maximum(np.searchsorted(rising, distances) - 1, 0)]
    gap = np.minimum(np.abs(distances - above), np.abs(distances - below))
    columns = np.flatnonzero(true | (~own & (gap <= 2 * error)))
    repeated = query.expand(len(columns), -1)
    distances[columns] = pair_distances(repeated, gallery[torch.from_numpy(columns)], metric)
