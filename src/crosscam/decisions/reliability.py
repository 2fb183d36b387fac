"""Whether probabilities keep their word: reliability diagram and expected calibration error.

Of pairs that were called the same person with probability 0.8, 0.8 should be. Pairs are sorted by
their probability into bins of equal mass; the expected calibration error (ECE) is the mean
difference between what a bin's pairs were called and what they were, weighed by mass (Naeini et
al., AAAI 2015; Guo et al., ICML 2017; bins of equal mass: Nguyen & O'Connor, EMNLP 2015). Genuine
and impostor pairs weigh the same in all, as in the fit, because how many there are of each is the
test set's doing.
"""

from dataclasses import dataclass

import numpy as np

from crosscam.decisions.bootstrap import Interval
from crosscam.errors import InputError
from crosscam.types import Float64s

BINS = 15


@dataclass(frozen=True, eq=False)
class Reliability:
    """Of each bin, (B,) float64: the mean probability, the share of the same person, and the mass.

    `ece` is in [0, 1]; `interval` is its 95 % interval over people, None where it was not sought.
    """

    called: Float64s
    observed: Float64s
    mass: Float64s
    ece: float
    interval: Interval | None = None

    def to_json(self) -> dict[str, float | list[float] | None]:
        """Every value under its name."""
        return {
            "ece": self.ece,
            "interval": self.interval.to_json() if self.interval else None,
            "called": self.called.tolist(),
            "observed": self.observed.tolist(),
            "mass": self.mass.tolist(),
        }


def reliability(
    probabilities: Float64s, genuine: Float64s, impostor: Float64s, *, bins: int = BINS
) -> Reliability:
    """Of groups of pairs: their (P,) probabilities, and how many of each kind each group has, (P,).

    Pairs of equal probability stay in one bin. Raises `InputError` if a kind is missing or a
    probability is not in [0, 1].
    """
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise InputError("probabilities must be in [0, 1]")
    if not (genuine.sum() > 0 and impostor.sum() > 0):
        raise InputError("reliability needs pairs of the same person and of different people")
    values, groups = np.unique(probabilities, return_inverse=True)
    same = np.bincount(groups, genuine / (2 * genuine.sum()))
    other = np.bincount(groups, impostor / (2 * impostor.sum()))
    mass = same + other
    middles = np.cumsum(mass) - mass / 2
    places = np.minimum((middles * bins).astype(np.int64), bins - 1)
    totals = np.bincount(places, mass, bins)
    held = totals > 0
    called = np.bincount(places, mass * values, bins)[held] / totals[held]
    observed = np.bincount(places, same, bins)[held] / totals[held]
    ece = float(totals[held] @ np.abs(called - observed))
    return Reliability(called, observed, totals[held].astype(np.float64), ece)
