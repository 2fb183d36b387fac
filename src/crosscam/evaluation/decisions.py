"""What a threshold does to a test: open set, error rates of pairs, and whether probabilities hold.

One pass over all pairs of the test's queries and gallery, in blocks, gives all of it.
"""

from dataclasses import dataclass

from crosscam.errors import InputError
from crosscam.evaluation.open_set import OpenSet, open_set
from crosscam.evaluation.pairs import PairHistogram, pair_histogram
from crosscam.evaluation.reliability import Reliability, reliability
from crosscam.evaluation.verification import Verification, verification
from crosscam.models.calibration import Calibration, Threshold
from crosscam.types import Embeddings, Metric


@dataclass(frozen=True)
class CheckedThreshold:
    """A calibration's threshold, and the FAR and TAR that it has on the test's people."""

    threshold: Threshold
    far: float
    tar: float

    def to_json(self) -> dict[str, object]:
        """What was promised, and what was found."""
        return {**self.threshold.model_dump(), "test_far": self.far, "test_tar": self.tar}


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
    return reliability(
        calibration.probability(pairs.centres[held]),
        pairs.genuine[held].astype(float),
        pairs.impostor[held].astype(float),
    )


def _checked(pairs: PairHistogram, calibration: Calibration) -> tuple[CheckedThreshold, ...]:
    return tuple(
        CheckedThreshold(threshold, *pairs.rates_below(threshold.distance))
        for threshold in calibration.thresholds
    )
