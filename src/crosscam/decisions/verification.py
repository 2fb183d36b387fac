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
    """How well a threshold tells pairs apart. Rates are fractions in [0, 1].

    Intervals are of so many `resamples` of the queries' people, none of one person, less those
    `dropped` because they hold no pair of a kind.
    """

    num_genuine: int
    num_impostor: int
    eer: float
    eer_interval: Interval | None
    rates: tuple[AcceptRate, ...]
    roc: Roc
    resamples: int
    dropped: int

    def to_json(self) -> dict[str, object]:
        """The figures, without the curve."""
        return {
            "genuine_pairs": self.num_genuine,
            "impostor_pairs": self.num_impostor,
            "eer": self.eer,
            "eer_interval": self.eer_interval.to_json() if self.eer_interval else None,
            "resamples": self.resamples,
            "resamples_dropped": self.dropped,
            "tar_at_far": [rate.to_json() for rate in self.rates],
        }


def verification(pairs: PairHistogram, *, fars: tuple[float, ...] = FARS) -> Verification:
    """The figures of pairs that were counted, with 95 % intervals over the queries' people."""
    roc = roc_curve(pairs)
    num_impostor = int(pairs.impostor.sum())
    eer = float(equal_error_rate(roc.far[None], roc.tar[None])[0])
    totals = pairs.coarse_totals
    drawn_eer, drawn_tars = _resampled(pairs, fars)
    coarse_eer, coarse_tars = _coarse_figures(totals[0][None], totals[1][None], fars)
    rates = []
    for place, far in enumerate(fars):
        most = allowed(far, num_impostor)
        if not most:
            rates.append(AcceptRate(far, None, None, None))
            continue
        at = int(np.searchsorted(roc.far, (most + 0.5) / num_impostor)) - 1
        tar = float(roc.tar[at])
        drawn = shifted(drawn_tars[:, place], by=tar - coarse_tars[0, place])
        rates.append(AcceptRate(far, tar, float(roc.thresholds[at]), Interval.around(tar, drawn)))
    drawn_eer = shifted(drawn_eer, by=eer - coarse_eer[0])
    return Verification(
        int(pairs.genuine.sum()),
        num_impostor,
        eer,
        Interval.around(eer, drawn_eer),
        tuple(rates),
        roc,
        _RESAMPLES if len(pairs.by_person[0]) > 1 else 0,
        _RESAMPLES - len(drawn_eer) if len(pairs.by_person[0]) > 1 else 0,
    )


def shifted(drawn: Float64s, *, by: float) -> Float64s:
    """Resampled shares without what coarser bins do to them: how far they move the figure itself.

    What would leave [0, 1] stays at its end.
    """
    return np.clip(drawn + by, 0, 1)


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


def _coarse_figures(
    genuine: Float64s, impostor: Float64s, fars: tuple[float, ...]
) -> tuple[Float64s, Float64s]:
    """The EER (R,) and the TARs (R, F) of pairs in the coarser bins, (R, COARSE) of each kind."""
    nothing = np.zeros((len(genuine), 1))
    far, tar = (np.hstack([nothing, _accepted(counts)]) for counts in (impostor, genuine))
    tars = [np.interp(fars, *curve) for curve in zip(far, tar, strict=True)]
    return equal_error_rate(far, tar), np.array(tars).reshape(-1, len(fars))


def _resampled(pairs: PairHistogram, fars: tuple[float, ...]) -> tuple[Float64s, Float64s]:
    """The EER (R,) and the TARs (R, F) of resampled people, from the coarser bins."""
    found = [_coarse_figures(*counts, fars) for counts in pairs.resampled(_RESAMPLES)]
    nothing = np.zeros(0), np.zeros((0, len(fars)))
    eers, tars = zip(nothing, *found, strict=True)
    return np.concatenate(eers), np.concatenate(tars)
