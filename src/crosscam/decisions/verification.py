"""One to one: are two pictures of the same person? ROC, detection errors, equal error rate.

With a threshold t a pair is accepted if its distance is below t (ISO/IEC 19795-1; Martin et al.,
"The DET curve in assessment of detection task performance", Eurospeech 1997):

* false-accept rate (FAR): the share of impostor pairs that are accepted;
* true-accept rate (TAR): the share of genuine pairs that are accepted; 1 - TAR is the false-reject
  rate (FRR);
* equal error rate (EER): FAR and FRR where they are equal, between two thresholds if need be.

TAR at a FAR is that of the largest threshold whose FAR is not above it. Pairs that are equally far
apart are accepted together.
"""

from dataclasses import dataclass

import numpy as np

from crosscam.decisions.bootstrap import Interval
from crosscam.decisions.false_accepts import FARS, allowed
from crosscam.decisions.pairs import PairHistogram
from crosscam.types import Float64s, Int64s

_RESAMPLES = 1000


@dataclass(frozen=True)
class AcceptRate:
    """TAR at a stated FAR, the threshold for it, and an interval over people.

    All but `far` are None where there are fewer impostor pairs than 1 / FAR.
    """

    far: float
    tar: float | None
    threshold: float | None
    interval: Interval | None

    def to_json(self) -> dict[str, float | list[float] | None]:
        """Every value under its name."""
        interval = self.interval.to_json() if self.interval else None
        rates = {"far": self.far, "tar": self.tar, "threshold": self.threshold}
        return {**rates, "interval": interval}


@dataclass(frozen=True, eq=False)
class Roc:
    """FAR and TAR, (T,) float64 each, at rising thresholds (T,); the first accepts nothing."""

    thresholds: Float64s
    far: Float64s
    tar: Float64s


@dataclass(frozen=True)
class Verification:
    """How well a threshold tells pairs apart. Rates are fractions in [0, 1]."""

    num_genuine: int
    num_impostor: int
    eer: float
    eer_interval: Interval | None
    rates: tuple[AcceptRate, ...]
    roc: Roc

    def to_json(self) -> dict[str, object]:
        """The figures, without the curve."""
        return {
            "genuine_pairs": self.num_genuine,
            "impostor_pairs": self.num_impostor,
            "eer": self.eer,
            "eer_interval": self.eer_interval.to_json() if self.eer_interval else None,
            "tar_at_far": [rate.to_json() for rate in self.rates],
        }


def verification(pairs: PairHistogram, *, fars: tuple[float, ...] = FARS) -> Verification:
    """The figures of pairs that were counted, with 95 % intervals over the queries' people."""
    roc = roc_curve(pairs)
    num_impostor = int(pairs.impostor.sum())
    drawn_eer, drawn_tars = _drawn(pairs, fars)
    several = len(pairs.by_person[0]) > 1
    rates = []
    for far, drawn in zip(fars, drawn_tars.T, strict=True):
        most = allowed(far, num_impostor)
        if not most:
            rates.append(AcceptRate(far, None, None, None))
            continue
        at = int(np.searchsorted(roc.far, (most + 0.5) / num_impostor)) - 1
        interval = Interval.of(drawn) if several else None
        rates.append(AcceptRate(far, float(roc.tar[at]), float(roc.thresholds[at]), interval))
    return Verification(
        int(pairs.genuine.sum()),
        num_impostor,
        float(equal_error_rate(roc.far[None], roc.tar[None])[0]),
        Interval.of(drawn_eer) if several else None,
        tuple(rates),
        roc,
    )


def roc_curve(pairs: PairHistogram) -> Roc:
    """The curve, without the thresholds at which nothing changes."""
    ends = np.flatnonzero(pairs.genuine + pairs.impostor)
    start = np.zeros(1)
    return Roc(
        np.concatenate([start, pairs.limits[ends]]),
        np.concatenate([start, _accepted(pairs.impostor)[ends]]),
        np.concatenate([start, _accepted(pairs.genuine)[ends]]),
    )


def equal_error_rate(far: Float64s, tar: Float64s) -> Float64s:
    """Where FAR = 1 - TAR on each of R curves (R, T) that rise to 1: (R,) float64."""
    gap = far + tar - 1
    after = np.argmax(gap >= 0, axis=1)
    rows = np.arange(len(far))
    before = np.maximum(after - 1, 0)
    rise = gap[rows, after] - gap[rows, before]
    share = np.divide(-gap[rows, before], rise, out=np.zeros(len(far)), where=rise > 0)
    rates: Float64s = far[rows, before] + share * (far[rows, after] - far[rows, before])
    return rates


def _accepted(counts: Int64s | Float64s) -> Float64s:
    """The shares that are accepted at the end of each bin, of (B,) or (R, B) counts."""
    sums = np.cumsum(counts, axis=-1, dtype=np.float64)
    shares: Float64s = sums / sums[..., -1:]
    return shares


def _drawn(pairs: PairHistogram, fars: tuple[float, ...]) -> tuple[Float64s, Float64s]:
    """The EER (R,) and the TARs (R, F) of people drawn again, from the coarser bins."""
    eers: list[Float64s] = []
    tars: list[list[float]] = []
    for same, other in pairs.drawn_again(_RESAMPLES):
        tar, far = _accepted(same), _accepted(other)
        eers.append(equal_error_rate(far, tar))
        tars += [np.interp(fars, *curve).tolist() for curve in zip(far, tar, strict=True)]
    return np.concatenate(eers), np.array(tars).reshape(-1, len(fars))
