"""Hubs: gallery images that come first for many queries whose person they do not show.

Why some points are among the nearest of very many others where there are many dimensions:
Radovanović, Nanopoulos and Ivanović, "Hubs in Space", JMLR 2010.
"""

from dataclasses import dataclass

import numpy as np

from crosscam.ranking.ranked import NOBODY
from crosscam.report.failures import Failures
from crosscam.types import Int64s

AMONG = 10
AT_FIRST, TIMES_MEAN = 2, 3
MOST_HUBS, MOST_QUERIES = 50, 40


@dataclass(frozen=True)
class Hub:
    """A gallery image, by its position, and the queries that wrongly found it.

    `at_first` counts those that have it at rank 1, `among` those that have it among the first ten,
    of `people` different people. `queries` are 40 of these at most, by its rank for them.
    """

    image: int
    at_first: int
    among: int
    people: int
    queries: tuple[int, ...]


def find_hubs(failures: Failures, query_pids: Int64s) -> tuple[Hub, ...]:
    """At most 50 hubs: first by how often they are wrongly at rank 1, then among the first ten.

    An image is a hub if it is wrongly at rank 1 of at least two queries, or wrongly among the first
    ten of at least ten, and of three times as many as the mean of all images that ever are.
    """
    first = failures.ranked[:, :AMONG]
    is_wrong = ~failures.is_match[:, :AMONG] & (first != NOBODY)
    ranks, queries = np.nonzero(is_wrong.T)  # by rank, then by query
    images = first[queries, ranks]
    found, counts = np.unique(images, return_counts=True)
    if not len(found):
        return ()
    at_first = np.bincount(np.searchsorted(found, images[ranks == 0]), minlength=len(found))
    is_hub = (at_first >= AT_FIRST) | (counts >= max(AMONG, TIMES_MEAN * counts.mean()))
    order = np.lexsort((found, -counts, -at_first))
    return tuple(
        _hub(int(found[place]), int(at_first[place]), queries[images == found[place]], query_pids)
        for place in order[is_hub[order]][:MOST_HUBS]
    )


def _hub(image: int, at_first: int, queries: Int64s, query_pids: Int64s) -> Hub:
    people = len(np.unique(query_pids[queries]))
    return Hub(image, at_first, len(queries), people, tuple(queries[:MOST_QUERIES].tolist()))
