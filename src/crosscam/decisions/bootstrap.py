"""How sure figures are: 95 % intervals by resampling the test people.

The bootstrap (Efron & Tibshirani, An Introduction to the Bootstrap, 1993), over people and not over
images: pictures of one person fail together, so resampling them apart would promise too much. Each
time as many people are drawn as there are, with replacement, each with all of their queries; the
interval runs between the percentiles of what figures that gives. The gallery stays as it is, and
so does the model: other seeds of training are another doubt.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from crosscam.errors import InputError
from crosscam.types import AnyScores, Float64s, Int64s

RESAMPLES = 2000
LEVEL = 0.95
_TOGETHER = 2**20  # weights held at a time
_FEWEST_PEOPLE = 2


@dataclass(frozen=True)
class Interval:
    """From `low` to `high`, in the unit of the figure."""

    low: float
    high: float

    @classmethod
    def of(cls, drawn: Float64s, level: float = LEVEL) -> "Interval":
        """Between the percentiles of (R,) resampled figures that leave out the rest equally."""
        tail = (1 - level) / 2
        low, high = np.quantile(drawn, [tail, 1 - tail])
        return cls(float(low), float(high))

    @classmethod
    def around(cls, figure: float, drawn: Float64s, level: float = LEVEL) -> "Interval | None":
        """As `of`, reaching as far as the figure itself; None where nothing was resampled.

        Resampled figures may all lie on one side of it (of a model that errs nowhere, or a mean of
        absolute differences), and an interval that leaves its figure out says nothing of it.
        """
        if not len(drawn):
            return None
        found = cls.of(drawn, level)
        return cls(min(found.low, figure), max(found.high, figure))

    def to_json(self) -> list[float]:
        """Low and high."""
        return [self.low, self.high]


@dataclass(frozen=True)
class Intervals:
    """Intervals of some figures, by name; how many people were drawn, and how often."""

    by_figure: Mapping[str, Interval]
    people: int
    resamples: int = RESAMPLES
    level: float = LEVEL

    def to_json(self) -> dict[str, float | int | list[float]]:
        """The figures' names with low and high, and what was drawn."""
        bounds = {name: interval.to_json() for name, interval in self.by_figure.items()}
        drawn = {"level": self.level, "people": self.people, "resamples": self.resamples}
        return {**bounds, **drawn}


def query_figures(scores: AnyScores) -> dict[str, Float64s]:
    """Each figure's value of each query, (num_queries,), NaN for one that is not valid."""
    return {
        "rank1": scores.found_by(1),
        "rank5": scores.found_by(5),
        "rank10": scores.found_by(10),
        "mAP": scores.average_precisions,
        "mINP": scores.inverse_penalties,
    }


def confidence_intervals(
    scores: AnyScores,
    query_pids: Int64s,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Intervals | None:
    """The intervals of all figures of `scores`, whose queries are of the people `query_pids`, (Q,).

    None if there are fewer than two people among the valid queries, whom no draw could vary. Raises
    `InputError` for lengths that differ, and for a level that is not in (0, 1).
    """
    if len(query_pids) != scores.num_queries:
        raise InputError(f"{scores.num_queries} queries, but {len(query_pids)} query_pids")
    if not 0 < level < 1:
        raise InputError(f"level must be in (0, 1), such as 0.95, not {level}")
    valid = np.isfinite(scores.average_precisions)
    people, rows = np.unique(query_pids[valid], return_inverse=True)
    if len(people) < _FEWEST_PEOPLE:
        return None
    figures = query_figures(scores)
    sums = np.stack([np.bincount(rows, values[valid]) for values in figures.values()], axis=1)
    counts = np.bincount(rows)
    means = [
        weights @ sums / (weights @ counts)[:, None]
        for weights in resample_people(len(people), resamples=resamples, seed=seed)
    ]
    drawn = np.concatenate(means)
    intervals = {
        name: Interval.of(column, level) for name, column in zip(figures, drawn.T, strict=True)
    }
    return Intervals(intervals, len(people), resamples, level)


def resample_people(people: int, *, resamples: int, seed: int) -> Iterator[Float64s]:
    """How often each of so many people is drawn each time: blocks of (r, people) float64.

    The same numbers give the same draws, so that figures can be resampled together.
    """
    rng = np.random.default_rng(seed)
    step = max(1, _TOGETHER // people)
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        drawn = rng.integers(0, people, (count, people)) + people * np.arange(count)[:, None]
        times = np.bincount(drawn.ravel(), minlength=count * people)
        yield times.reshape(count, people).astype(np.float64)
