"""Labels that may be wrong, told by distances alone: suspicions, for somebody to look at.

Two rules, which compare a distance with what is usual for this model:

* Alike: a query and an image of another person are nearer than nineteen in twenty queries are to
  their nearest true match. Are they one person?
* Apart: an image is further from every image of its person on the other side, query or gallery,
  than half of the pairs of different people are from each other. And the same of pairs of one
  person in one camera, whose images should be the most alike. Are they two people?
"""

from dataclasses import dataclass

import numpy as np

from crosscam.ranking.matches import JUNK
from crosscam.ranking.ranked import NOBODY
from crosscam.report.failures import Failures, measure
from crosscam.types import Embeddings, Float64s, Int64s, Metric, QueryPairs

MOST = 50
ALIKE_SHARE, APART_SHARE = 0.05, 0.5
_QUERIES, _IMAGES = 200, 100  # spread over all, whose pairs stand for those of all


@dataclass(frozen=True)
class Suspect:
    """A query and a gallery image, by their positions, and how far apart they are.

    `pairs` is how many pairs like it there are: of the same two people, or of the same image.
    """

    query: int
    image: int
    distance: float
    pairs: int


@dataclass(frozen=True)
class Suspicions:
    """What may be mislabelled, most suspicious first, at most 50 of a kind.

    `alike` are pairs of different people nearer than `alike_below`, one for each two people.
    `apart` are images further than `apart_above` from all of their person, with the nearest of
    these; `apart_in_camera` are such pairs of one person and one camera, one for each two images.
    """

    alike: tuple[Suspect, ...]
    apart: tuple[Suspect, ...]
    apart_in_camera: tuple[Suspect, ...]
    alike_below: float
    apart_above: float


def find_suspicions(
    failures: Failures, query: Embeddings, gallery: Embeddings, *, metric: Metric
) -> Suspicions:
    """Look for labels that may be wrong among all pairs of a query and a gallery image.

    Embeddings come with their cameras, where these are known, whatever the protocol.
    """
    matches = failures.matches
    firsts = matches.offsets[:-1][np.diff(matches.offsets) > 0]
    below = float(np.quantile(matches.distances[firsts], ALIKE_SHARE))
    different = _different(query, gallery, metric)
    above = float(np.quantile(different, APART_SHARE)) if len(different) else float("inf")
    return Suspicions(
        _alike(failures, query, gallery, below),
        _apart(failures.own, above),
        _apart_in_camera(failures.own, query, gallery, above),
        below,
        above,
    )


def _different(query: Embeddings, gallery: Embeddings, metric: Metric) -> Float64s:
    """Distances of pairs of different people."""
    ours = np.unique(np.linspace(0, len(query.pids) - 1, _QUERIES).astype(np.int64))
    theirs = np.unique(np.linspace(0, len(gallery.pids) - 1, _IMAGES).astype(np.int64))
    queries, images = np.repeat(ours, len(theirs)), np.tile(theirs, len(ours))
    differ = (query.pids[queries] != gallery.pids[images]) & (gallery.pids[images] != JUNK)
    return measure(query, gallery, queries[differ], images[differ], metric)


def _alike(
    failures: Failures, query: Embeddings, gallery: Embeddings, below: float
) -> tuple[Suspect, ...]:
    is_wrong = ~failures.is_match & (failures.ranked != NOBODY)
    queries, places = np.nonzero(is_wrong & (failures.distances < below))
    images, distances = failures.ranked[queries, places], failures.distances[queries, places]
    people = np.sort(np.stack([query.pids[queries], gallery.pids[images]], axis=1), axis=1)
    groups = np.unique(people, axis=0, return_inverse=True)[1].reshape(-1)
    return _one_each(queries, images, distances, groups)[:MOST]


def _apart(own: QueryPairs, above: float) -> tuple[Suspect, ...]:
    """Images of either side whose nearest of their person is far away, each pair once."""
    queries = own.queries
    far = [
        suspect
        for side in (queries, own.images)
        for suspect in _one_each(queries, own.images, own.distances, side)
        if suspect.distance > above
    ]
    once = {(suspect.query, suspect.image): suspect for suspect in far}
    return tuple(sorted(once.values(), key=lambda suspect: -suspect.distance))[:MOST]


def _apart_in_camera(
    own: QueryPairs, query: Embeddings, gallery: Embeddings, above: float
) -> tuple[Suspect, ...]:
    if query.camids is None or gallery.camids is None:
        return ()
    queries = own.queries
    same_camera = query.camids[queries] == gallery.camids[own.images]
    far = np.flatnonzero(same_camera & (own.distances > above))
    far = far[np.argsort(-own.distances[far], kind="stable")][:MOST]
    rows = zip(queries[far], own.images[far], own.distances[far], strict=True)
    return tuple(Suspect(int(one), int(other), float(apart), 1) for one, other, apart in rows)


def _one_each(
    queries: Int64s, images: Int64s, distances: Float64s, groups: Int64s
) -> tuple[Suspect, ...]:
    """The nearest pair of each group, nearest first, with how many pairs the group has."""
    order = np.lexsort((images, queries, distances))
    firsts, counts = np.unique(groups[order], return_index=True, return_counts=True)[1:]
    nearest_first = np.argsort(firsts)
    return tuple(
        Suspect(int(queries[pair]), int(images[pair]), float(distances[pair]), int(count))
        for pair, count in zip(order[firsts[nearest_first]], counts[nearest_first], strict=True)
    )
