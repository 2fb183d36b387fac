"""What a threshold does to a test: open set, error rates of pairs, and whether probabilities hold.

One pass over all pairs of the test's queries and gallery, in blocks, gives all of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from crosscam.decisions.bootstrap import Interval
from crosscam.decisions.calibration import Calibration, Threshold
from crosscam.decisions.open_set import OpenSet, open_set
from crosscam.decisions.pairs import PairHistogram, pair_histogram
from crosscam.decisions.reliability import Reliability, reliability
from crosscam.decisions.verification import Verification, verification
from crosscam.errors import InputError
from crosscam.types import Embeddings, Float64s, Metric

_RESAMPLES = 500


@dataclass(frozen=True)
class CheckedThreshold:
    """A calibration's threshold, and the FAR and TAR that it has on the test's people.

    Their 95 % intervals over people are None where the queries are of one person.
    """

    threshold: Threshold
    far: float
    tar: float
    far_interval: Interval | None
    tar_interval: Interval | None

    def to_json(self) -> dict[str, object]:
        """What was promised, and what was found."""
        return {
            **self.threshold.model_dump(),
            "test_far": self.far,
            "test_far_interval": self.far_interval.to_json() if self.far_interval else None,
            "test_tar": self.tar,
            "test_tar_interval": self.tar_interval.to_json() if self.tar_interval else None,
        }


@dataclass(frozen=True)
class Decisions:
    """Error rates of decisions on a test; what could not be had is None, and `notes` say why.

    `reliability` and `thresholds` are those of a calibration, whose kind is `calibrated_by`.
    """

    pairs: PairHistogram
    verification: Verification
    open_set: OpenSet | None
    reliability: Reliability | None
    thresholds: tuple[CheckedThreshold, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Every figure under its name."""
        return {
            "verification": self.verification.to_json(),
            "open_set": self.open_set.to_json() if self.open_set else None,
            "reliability": self.reliability.to_json() if self.reliability else None,
            "thresholds": [checked.to_json() for checked in self.thresholds],
            "notes": list(self.notes),
        }


def decide(
    query: Embeddings, gallery: Embeddings, *, metric: Metric, calibration: Calibration | None
) -> Decisions:
    """All of it, of a test's embeddings, without cameras where the protocol counts them not.

    Raises `InputError` if there is no pair of the same person, or none of different people.
    """
    pairs = pair_histogram(query, gallery, metric=metric)
    notes = []
    found: OpenSet | None = None
    try:
        found = open_set(query, gallery, metric=metric)
    except InputError as error:
        notes.append(f"no open set: {error}")
    fits = calibration is not None and calibration.made_by == query.made_by
    if calibration is not None and not fits:
        notes.append(
            "the calibration is of other features than those tested here, which flip, multi-query, "
            "expansion or other weights change; it was not checked"
        )
    return Decisions(
        pairs,
        verification(pairs),
        found,
        _reliability(pairs, calibration) if calibration is not None and fits else None,
        _checked(pairs, calibration) if calibration is not None and fits else (),
        tuple(notes),
    )


def _reliability(pairs: PairHistogram, calibration: Calibration) -> Reliability:
    held = (pairs.genuine > 0) | (pairs.impostor > 0)
    found = reliability(
        calibration.probability(pairs.centres[held]),
        pairs.genuine[held].astype(float),
        pairs.impostor[held].astype(float),
    )
    chances = calibration.probability(pairs.coarse_centres)
    drawn = [reliability(chances, *counts).ece for counts in _drawn_again(pairs)]
    return replace(found, interval=Interval.of(np.array(drawn))) if drawn else found


def _checked(pairs: PairHistogram, calibration: Calibration) -> tuple[CheckedThreshold, ...]:
    shares = [
        [np.cumsum(counts) / counts.sum() for counts in (impostor, genuine)]
        for genuine, impostor in _drawn_again(pairs)
    ]
    found = []
    for threshold in calibration.thresholds:
        intervals: list[Interval | None] = [None, None]
        if shares:
            ends, at = pairs.coarse_limits, threshold.distance
            rates = [[np.interp(at, ends, one) for one in pair] for pair in shares]
            intervals = [Interval.of(column) for column in np.array(rates).T]
        rates_found = pairs.rates_below(threshold.distance)
        found.append(CheckedThreshold(threshold, *rates_found, *intervals))
    return tuple(found)


def _drawn_again(pairs: PairHistogram) -> Iterator[tuple[Float64s, Float64s]]:
    """Genuine and impostor pairs in the coarser bins, a draw at a time; nothing of one person."""
    if len(pairs.by_person[0]) > 1:
        for same, other in pairs.drawn_again(_RESAMPLES):
            yield from zip(same, other, strict=True)
