"""Whether one model is better than another: a paired test on the same queries.

Both were asked the same queries, so what counts is the difference of each; and pictures of one
person fail together, so people are what is resampled:

* the interval: people are resampled, each with all differences of their queries (bootstrap);
* the p-value: how often a difference as large comes out if for each person it is left to a coin
  which of the two models is which (a permutation test; Good, Permutation, Parametric and Bootstrap
  Tests of Hypotheses, 2005). It is (1 + as large) / (1 + coins).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from crosscam.decisions.bootstrap import Interval, resample_people
from crosscam.errors import InputError
from crosscam.types import Float64s, Int64s

SIGNIFICANT = 0.05
_RESAMPLES = 9999
_TOGETHER = 2**20  # coins held at a time
_NAMES = {"rank1": "Rank-1", "rank5": "Rank-5", "rank10": "Rank-10"}


@dataclass(frozen=True)
class Difference:
    """One figure of both, fractions, what the second has more, its interval, and the p-value."""

    figure: str
    one: float
    other: float
    interval: Interval
    p_value: float

    @property
    def gain(self) -> float:
        """What the second has more."""
        return self.other - self.one

    @property
    def is_real(self) -> bool:
        """Whether chance is an unlikely cause."""
        return self.p_value < SIGNIFICANT

    @property
    def name(self) -> str:
        """The figure, as people write it."""
        return _NAMES.get(self.figure, self.figure)

    def to_json(self) -> dict[str, object]:
        """Every value under its name."""
        return {
            "figure": self.figure,
            "one": self.one,
            "other": self.other,
            "gain": self.gain,
            "interval": self.interval.to_json(),
            "p_value": self.p_value,
            "real": self.is_real,
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """All figures of two tests, on how many queries of how many people.

    `by_person` is (P,) float64: for each person the mean difference in average precision.
    """

    differences: tuple[Difference, ...]
    num_queries: int
    num_people: int
    by_person: Float64s

    def of(self, figure: str) -> Difference:
        """The difference in one figure. Raises `InputError` if there is none of that name."""
        for difference in self.differences:
            if difference.figure == figure:
                return difference
        known = ", ".join(difference.figure for difference in self.differences)
        raise InputError(f"unknown figure {figure!r}; known are {known}")

    def sentence(self, figure: str, one: str, other: str) -> str:
        """Whether the second, called `other`, is better than the first, in one sentence."""
        found = self.of(figure)
        low, high = (100 * bound for bound in (found.interval.low, found.interval.high))
        gain = 100 * found.gain
        figures = (
            f"{found.name} {gain:+.1f} points (95 % interval {low:+.1f} to {high:+.1f}, "
            f"p = {found.p_value:.2g}, {self.num_queries} queries of {self.num_people} people)"
        )
        if found.is_real:
            better, worse = (other, one) if found.gain > 0 else (one, other)
            return f"{better} is better than {worse}, and not by chance: {figures}."
        return f"no real difference between {one} and {other}: {figures}."

    def to_json(self) -> dict[str, object]:
        """Every figure, by name."""
        return {
            "queries": self.num_queries,
            "people": self.num_people,
            "differences": [difference.to_json() for difference in self.differences],
        }


def compare_figures(
    one: Mapping[str, Float64s],
    other: Mapping[str, Float64s],
    query_pids: Int64s,
    *,
    seed: int = 0,
) -> Comparison:
    """Compare two tests of the same queries, of the people `query_pids`, (Q,).

    Each has its figures of every query by name, (Q,) float64 in [0, 1], NaN where a query has no
    true match, which is where both have it; `mAP` is among them. Figures that only one has are left
    out. Raises `InputError` for lengths that differ, other queries, and fewer than two people.
    """
    names = [name for name in one if name in other]
    if "mAP" not in names:
        raise InputError("both tests need the average precision of each query, called mAP")
    if any(len(values[name]) != len(query_pids) for values in (one, other) for name in names):
        raise InputError(f"{len(query_pids)} query_pids, but not as many values of each figure")
    valid = np.isfinite(one["mAP"])
    if (valid != np.isfinite(other["mAP"])).any():
        raise InputError("the two have other queries with a true match, so they are other tests")
    people, rows = np.unique(query_pids[valid], return_inverse=True)
    if len(people) < 2:
        raise InputError("a comparison takes queries of two people or more")
    counts = np.bincount(rows).astype(np.float64)
    before, after = (np.stack([of[name][valid] for name in names], axis=1) for of in (one, other))
    sums = np.zeros((len(people), len(names)))
    np.add.at(sums, rows, after - before)
    drawn = _resampled_means(sums, counts, seed)
    p_values = _p_values(sums, seed)
    differences = tuple(
        Difference(
            name,
            float(before[:, place].mean()),
            float(after[:, place].mean()),
            Interval.of(drawn[:, place]),
            float(p_values[place]),
        )
        for place, name in enumerate(names)
    )
    by_person = sums[:, names.index("mAP")] / counts
    return Comparison(differences, int(valid.sum()), len(people), by_person)


def _resampled_means(sums: Float64s, counts: Float64s, seed: int) -> Float64s:
    """(R, F) mean differences of resampled people, of (P, F) sums of differences."""
    blocks = resample_people(len(counts), resamples=_RESAMPLES, seed=seed)
    return np.concatenate([weights @ sums / (weights @ counts)[:, None] for weights in blocks])


def _p_values(sums: Float64s, seed: int) -> Float64s:
    """(F,) how often coins make sums at least as far from 0 as those of (P, F) differences."""
    rng = np.random.default_rng([1, seed])
    found = np.abs(sums.sum(axis=0))
    slack = 1e-9 * np.abs(sums).sum(axis=0)  # sums of the same numbers in another order
    as_large = np.zeros(sums.shape[1])
    step = max(1, _TOGETHER // len(sums))
    for start in range(0, _RESAMPLES, step):
        coins = rng.integers(0, 2, (min(step, _RESAMPLES - start), len(sums))) * 2.0 - 1
        as_large += (np.abs(coins @ sums) >= found - slack).sum(axis=0)
    p_values: Float64s = (1 + as_large) / (1 + _RESAMPLES)
    return p_values
