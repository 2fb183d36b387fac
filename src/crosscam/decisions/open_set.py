"""People who are not in the gallery: how many are found, and how many others are mistaken for one.

Detection and identification rate at a false-accept rate (Phillips, Grother & Micheals, "Evaluation
methods in face recognition", Handbook of Face Recognition, 2011; there, and in ISO/IEC 19795-1,
also true and false positive identification rate). With a threshold t:

* a query whose person is in the gallery is *detected and identified* if its nearest gallery image
  shows that person, and one of that person's images is nearer than t; ties count against the model;
* a query whose person is not in the gallery is a *false accept* if any gallery image is nearer
  than t.

DIR at a FAR is that of the largest threshold whose FAR is not above it. Test sets have hardly any
such people, so a seeded half of the queries' people is taken out of the gallery, several times, and
rates and thresholds are means over these draws. Distances are exact, as in `rank`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from crosscam.decisions.bootstrap import Interval, resample_people
from crosscam.decisions.false_accepts import FARS, allowed
from crosscam.errors import InputError
from crosscam.ranking.distances import pair_distances
from crosscam.ranking.matches import JUNK, Labels
from crosscam.ranking.neighbours import nearest
from crosscam.ranking.product import blocks
from crosscam.ranking.rank import rank_embeddings
from crosscam.types import Embeddings, Float64s, Int64s, Metric

DRAWS = 5
SHARE = 0.5
_RESAMPLES = 1000
_FEWEST_PEOPLE = 4
_QUERIES = 64  # whose own images are measured at a time


@dataclass(frozen=True)
class IdentificationRate:
    """DIR at a stated FAR, the threshold for it, and a 95 % interval over people.

    All but `far` are None where there are fewer queries of people not in the gallery than 1 / FAR.
    """

    far: float
    dir: float | None
    threshold: float | None
    interval: Interval | None

    def to_json(self) -> dict[str, float | list[float] | None]:
        """Every value under its name."""
        interval = self.interval.to_json() if self.interval else None
        rates = {"far": self.far, "dir": self.dir, "threshold": self.threshold}
        return {**rates, "interval": interval}


@dataclass(frozen=True)
class OpenSet:
    """How well people are found where some are not in the gallery. Rates are in [0, 1].

    `num_mated` and `num_non_mated` are how many queries there were, over all draws, of people in
    the gallery and of others.
    """

    draws: int
    share: float
    num_mated: int
    num_non_mated: int
    rates: tuple[IdentificationRate, ...]

    def to_json(self) -> dict[str, object]:
        """Every value under its name."""
        return {
            "draws": self.draws,
            "share_left_out": self.share,
            "mated_queries": self.num_mated,
            "non_mated_queries": self.num_non_mated,
            "dir_at_far": [rate.to_json() for rate in self.rates],
        }


def open_set(
    query: Embeddings,
    gallery: Embeddings,
    *,
    metric: Metric,
    fars: tuple[float, ...] = FARS,
    share: float = SHARE,
    draws: int = DRAWS,
    seed: int = 0,
) -> OpenSet:
    """DIR at each of `fars`, with a `share` of the queries' people left out, `draws` times.

    The people who can be left out are those with a true match in the gallery; queries of others are
    never mated. Distances are Euclidean (not squared) or 1 - cosine. Raises `InputError` if there
    are fewer than four such people, and whatever `rank` refuses.
    """
    if not 0 < share < 1 or draws < 1:
        raise InputError(f"share must be in (0, 1), and draws 1 or more, not {share} and {draws}")
    own = _nearest_own(query, gallery, metric)
    people = np.unique(query.pids[np.isfinite(own)])
    left_out = round(share * len(people))
    if len(people) < _FEWEST_PEOPLE or not 0 < left_out < len(people):
        raise InputError(
            f"{len(people)} people of the queries are in the gallery; to leave {share:g} of them "
            f"out takes {_FEWEST_PEOPLE} or more"
        )
    rng = np.random.default_rng(seed)
    tests = [
        _test(query, gallery, own, rng.choice(people, left_out, replace=False), metric)
        for _ in range(draws)
    ]
    return OpenSet(
        draws,
        share,
        sum(len(test.identified) for test in tests),
        sum(len(test.nearest) for test in tests),
        tuple(_rate(tests, far) for far in fars),
    )


@dataclass(frozen=True, eq=False)
class _Test:
    """What one draw gave, with every query's person as a row of the people of all queries.

    `identified` (M,): of each mated query the distance of its person, infinite if another is
    nearer. `nearest` (N,): of each other query the distance of the nearest image, rising.
    """

    people: int
    identified: Float64s
    mated_rows: Int64s
    nearest: Float64s
    non_mated_rows: Int64s

    def rates(self, far: float, weights: Float64s) -> tuple[Float64s, Float64s]:
        """DIR and threshold (r,) at a FAR, with people weighted by each row of (r, people)."""
        others = np.cumsum(weights[:, self.non_mated_rows], axis=1)
        most = np.array([[allowed(far, total)] for total in others[:, -1]])
        first_refused = np.argmax(others > most, axis=1)
        thresholds = self.nearest[first_refused]
        order = np.argsort(self.identified, kind="stable")
        mated = np.cumsum(weights[:, self.mated_rows[order]], axis=1)
        before = np.searchsorted(self.identified[order], thresholds, "left")
        found = np.where(before > 0, mated[np.arange(len(mated)), np.maximum(before - 1, 0)], 0.0)
        return found / mated[:, -1], thresholds


def _test(
    query: Embeddings, gallery: Embeddings, own: Float64s, left_out: Int64s, metric: Metric
) -> _Test:
    enrolled = ~np.isin(gallery.pids, left_out) & (gallery.pids != JUNK)
    mated = np.isfinite(own) & ~np.isin(query.pids, left_out)
    others = (np.isin(query.pids, left_out) | ~np.isin(query.pids, gallery.pids)) & (
        query.pids != JUNK
    )
    people, rows = np.unique(query.pids, return_inverse=True)
    seen = _taken(gallery, enrolled)
    asked = _taken(query, mated)
    scores = rank_embeddings(asked, seen, metric=metric, max_rank=1)
    identified = np.where(scores.first_match_ranks == 1, own[mated], np.inf)
    found = nearest(query.features[others], seen.features, k=1, metric=metric).distances[:, 0]
    if metric == "euclidean":
        found = np.sqrt(found)
    order = np.argsort(found, kind="stable")
    return _Test(len(people), identified, rows[mated], found[order], rows[others][order])


def _rate(tests: list[_Test], far: float) -> IdentificationRate:
    if not allowed(far, min(len(test.nearest) for test in tests)):
        return IdentificationRate(far, None, None, None)
    people = tests[0].people
    found = [test.rates(far, np.ones((1, people))) for test in tests]
    drawn = np.concatenate(list(_drawn(tests, far, people)))
    return IdentificationRate(
        far,
        float(np.mean([rate for rate, _ in found])),
        float(np.mean([threshold for _, threshold in found])),
        Interval.of(drawn[np.isfinite(drawn)]),
    )


def _drawn(tests: list[_Test], far: float, people: int) -> Iterator[Float64s]:
    """The mean DIR of people drawn again, a block of draws at a time."""
    for weights in resample_people(people, resamples=_RESAMPLES, seed=0):
        with np.errstate(invalid="ignore"):  # a draw without any mated person has no rate
            yield np.mean([test.rates(far, weights)[0] for test in tests], axis=0)


def _nearest_own(query: Embeddings, gallery: Embeddings, metric: Metric) -> Float64s:
    """The distance of each query to the nearest of its true matches, (Q,), infinite without one."""
    labels = Labels.between(query, gallery)
    own = np.full(len(query.pids), np.inf)
    for start, stop in blocks(len(own), _QUERIES):
        matches = labels.matches(start, stop)
        distances = pair_distances(
            torch.from_numpy(query.features[start + matches.queries]),
            torch.from_numpy(gallery.features[matches.positives]),
            metric,
        ).numpy()
        np.minimum.at(own, start + matches.queries, distances)
    return np.sqrt(own) if metric == "euclidean" else own


def _taken(embeddings: Embeddings, rows: NDArray[np.bool_]) -> Embeddings:
    camids = None if embeddings.camids is None else embeddings.camids[rows]
    return Embeddings(embeddings.features[rows], embeddings.pids[rows], camids)
