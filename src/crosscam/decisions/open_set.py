"""People who are not in the gallery: how many are found, and how many others are mistaken for one.

Detection and identification rate at a false-accept rate (Phillips, Grother & Micheals, "Evaluation
methods in face recognition", Handbook of Face Recognition, 2011; there, and in ISO/IEC 19795-1,
also true and false positive identification rate). With a threshold t:

* a query whose person is in the gallery is *detected and identified* if its nearest gallery image
  shows that person, and one of that person's images is nearer than t; ties count against the model;
* a query whose person is not in the gallery is a *false accept* if any gallery image is nearer
  than t.

DIR at a FAR is that of the largest threshold whose FAR is not above it; at 1 everybody is accepted.
Test sets have hardly any such people, so a seeded half of the queries' people is taken out of the
gallery, several times, and rates and thresholds are means over these draws. Distances are exact, as
in `rank`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from crosscam.decisions.bootstrap import Interval, resample_people
from crosscam.decisions.false_accepts import FARS, allowed
from crosscam.errors import InputError
from crosscam.ranking.distances import in_units
from crosscam.ranking.matches import JUNK
from crosscam.ranking.ranked import rank_gallery
from crosscam.types import Embeddings, Float64s, Int64s, Metric, Ranking

DRAWS = 5
SHARE = 0.5
_RESAMPLES = 1000
_FEWEST_PEOPLE = 4
_FURTHER = 8  # times as many images are found where those found are all of absent people


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
    the gallery and of others. Intervals are of so many `resamples` of the people, less those
    `dropped` because they hold nobody in the gallery, or nobody else.
    """

    draws: int
    share: float
    num_mated: int
    num_non_mated: int
    rates: tuple[IdentificationRate, ...]
    resamples: int
    dropped: int

    def to_json(self) -> dict[str, object]:
        """Every value under its name."""
        return {
            "draws": self.draws,
            "share_left_out": self.share,
            "mated_queries": self.num_mated,
            "non_mated_queries": self.num_non_mated,
            "resamples": self.resamples,
            "resamples_dropped": self.dropped,
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
    ranking: Ranking | None = None,
) -> OpenSet:
    """DIR at each of `fars`, with a `share` of the queries' people left out, `draws` times.

    The people who can be left out are those with a true match in the gallery; queries of others are
    never mated. Distances are Euclidean (not squared) or 1 - cosine. `ranking` is that of these
    embeddings if it is there already. Raises `InputError` if there are fewer than four such people,
    and whatever `rank` refuses.
    """
    if not 0 < share < 1 or draws < 1:
        raise InputError(f"share must be in (0, 1), and draws 1 or more, not {share} and {draws}")
    ranking = ranking or rank_gallery(query, gallery, metric=metric)
    own = ranking.matches.nearest
    people = np.unique(query.pids[np.isfinite(own)])
    left_out = round(share * len(people))
    if len(people) < _FEWEST_PEOPLE or not 0 < left_out < len(people):
        raise InputError(
            f"{len(people)} people of the queries are in the gallery; to leave {share:g} of them "
            f"out takes {_FEWEST_PEOPLE} or more"
        )
    rng = np.random.default_rng(seed)
    absent = [rng.choice(people, left_out, replace=False) for _ in range(draws)]
    nearest = _nearest_enrolled(query, gallery, ranking, absent)
    tests = [
        _Draw.of(query, gallery, ranking, one, at) for one, at in zip(absent, nearest, strict=True)
    ]
    resampled = list(_resampled(tests, fars))
    rates = tuple(_rate(tests, far, at, resampled) for at, far in enumerate(fars))
    return OpenSet(
        draws,
        share,
        sum(len(test.identified) for test in tests),
        sum(len(test.nearest) for test in tests),
        rates,
        _RESAMPLES,
        _RESAMPLES - sum(len(block) for block in resampled),
    )


def _nearest_enrolled(
    query: Embeddings, gallery: Embeddings, ranking: Ranking, absent: list[Int64s]
) -> Float64s:
    """The distance of each query to the nearest wrong image that is enrolled: (draws, Q).

    Of each draw those of the people who are `absent` are not. As a ranking has it; of a query
    whose first wrong images are all of absent people, more are found.
    """
    enrolled = np.array([~np.isin(gallery.pids, people) for people in absent])
    nearest = np.full((len(absent), len(query.pids)), np.inf)
    rows, first, found = np.arange(len(query.pids)), ranking.wrong.shape[1], ranking
    while len(rows):
        seen = enrolled[:, found.wrong] & (found.wrong >= 0)  # (draws, rows, K)
        places = np.argmax(seen, axis=2)
        distances = found.wrong_distances[np.arange(len(rows)), places]
        nearest[:, rows] = np.where(seen.any(axis=2), distances, np.inf)
        rows = rows[~seen.any(axis=2).all(axis=0) & (found.wrong[:, -1] >= 0)]
        if len(rows):
            first = min(_FURTHER * first, len(gallery.pids) + 1)  # the last: there are no more
            camids = None if query.camids is None else query.camids[rows]
            some = Embeddings(query.features[rows], query.pids[rows], camids)
            found = rank_gallery(some, gallery, metric=ranking.metric, first=first)
    return nearest


@dataclass(frozen=True, eq=False)
class _Draw:
    """What one draw of absent people gave; every query's person is a row of those of all queries.

    `identified` (M,): of each mated query the distance of its person, infinite if another is
    nearer. `nearest` (N,): of each other query the distance of the nearest image, rising.
    """

    people: int
    identified: Float64s
    mated_rows: Int64s
    nearest: Float64s
    non_mated_rows: Int64s

    @classmethod
    def of(
        cls,
        query: Embeddings,
        gallery: Embeddings,
        ranking: Ranking,
        absent: Int64s,
        nearest: Float64s,
    ) -> "_Draw":
        """Of people who are absent; `nearest` are the distances of the nearest wrong images."""
        own, is_absent = ranking.matches.nearest, np.isin(query.pids, absent)
        mated = np.isfinite(own) & ~is_absent
        others = (is_absent | ~np.isin(query.pids, gallery.pids)) & (query.pids != JUNK)
        people, rows = np.unique(query.pids, return_inverse=True)
        identified = np.where(own < nearest, in_units(own, ranking.metric), np.inf)
        found = in_units(nearest[others], ranking.metric)
        order = np.argsort(found, kind="stable")
        return cls(len(people), identified[mated], rows[mated], found[order], rows[others][order])

    @property
    def end(self) -> float:
        """A threshold that accepts everybody, the smallest that does."""
        seen = np.concatenate([self.nearest, self.identified])
        return float(np.nextafter(seen[np.isfinite(seen)].max(initial=0.0), np.inf))

    def rates(self, far: float, weights: Float64s) -> tuple[Float64s, Float64s]:
        """DIR and threshold (r,) at a FAR, with people weighted by each row of (r, people).

        NaN for weights that leave no mated query, or no other.
        """
        others = np.cumsum(weights[:, self.non_mated_rows], axis=1)
        totals = others[:, -1]
        most = np.array([[allowed(far, total)] for total in totals])
        refused = others > most
        first_refused = np.where(refused.any(axis=1), np.argmax(refused, axis=1), len(self.nearest))
        thresholds = np.append(self.nearest, self.end)[first_refused]
        order = np.argsort(self.identified, kind="stable")
        mated = np.cumsum(weights[:, self.mated_rows[order]], axis=1)
        before = np.searchsorted(self.identified[order], thresholds, "left")
        found = np.where(before > 0, mated[np.arange(len(mated)), np.maximum(before - 1, 0)], 0.0)
        shares = np.full(len(weights), np.nan)
        np.divide(found, mated[:, -1], out=shares, where=(mated[:, -1] > 0) & (totals > 0))
        return shares, thresholds


def _rate(tests: list[_Draw], far: float, at: int, resampled: list[Float64s]) -> IdentificationRate:
    """The rate at a FAR, which is the one `at` that place in the columns of the resampled."""
    if not allowed(far, min(len(test.nearest) for test in tests)):
        return IdentificationRate(far, None, None, None)
    found = [test.rates(far, np.ones((1, test.people))) for test in tests]
    rate = float(np.mean([rate for rate, _ in found]))
    drawn = np.concatenate([block[:, at] for block in resampled])
    return IdentificationRate(
        far,
        rate,
        float(np.mean([threshold for _, threshold in found])),
        Interval.around(rate, drawn),
    )


def _resampled(tests: list[_Draw], fars: tuple[float, ...]) -> Iterator[Float64s]:
    """The mean DIR at each FAR of resampled people: blocks of (r, F), without those of no rate."""
    for weights in resample_people(tests[0].people, resamples=_RESAMPLES, seed=0):
        rates = [np.mean([test.rates(far, weights)[0] for test in tests], axis=0) for far in fars]
        columns = np.stack(rates, axis=1)
        yield columns[np.isfinite(columns).all(axis=1)]
