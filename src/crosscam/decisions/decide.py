"""What a threshold does to a test: open set, error rates of pairs, and whether probabilities hold.

The ranking gives the open set, one pass over all pairs of queries and gallery images the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from crosscam.decisions.bootstrap import Interval
from crosscam.decisions.calibration import Calibration, Threshold
from crosscam.decisions.open_set import OpenSet, open_set
from crosscam.decisions.pairs import PairHistogram, pair_histogram
from crosscam.decisions.reliability import Reliability, reliability
from crosscam.decisions.verification import Verification, shifted, verification
from crosscam.errors import InputError
from crosscam.ranking.ranked import rank_gallery
from crosscam.types import Clothes, Embeddings, Float64s, Metric, Ranking

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
    query: Embeddings,
    gallery: Embeddings,
    *,
    metric: Metric,
    calibration: Calibration | None,
    clothes: Clothes | None = None,
    ranking: Ranking | None = None,
) -> Decisions:
    """All of it, of a test's embeddings, without cameras where the protocol counts them not.

    True matches wear the `clothes` that are named, or whatever. `ranking` is that of these
    embeddings by the same rules if it is there already. Raises `InputError` if there is no
    pair of the same person, or none of different people.
    """
    pairs = pair_histogram(query, gallery, metric=metric, clothes=clothes)
    ranking = ranking or rank_gallery(query, gallery, metric=metric, clothes=clothes)
    notes = []
    found: OpenSet | None = None
    try:
        found = open_set(query, gallery, metric=metric, ranking=ranking)
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
    chances = calibration.probability(np.maximum(pairs.coarse_centres, 0))
    coarse = reliability(chances, *pairs.coarse_totals).ece
    drawn = [reliability(chances, *counts).ece for counts in _each(pairs.resampled(_RESAMPLES))]
    held_by = shifted(np.array(drawn), by=found.ece - coarse)
    return replace(found, interval=Interval.around(found.ece, held_by))


def _checked(pairs: PairHistogram, calibration: Calibration) -> tuple[CheckedThreshold, ...]:
    def rates_at(distance: float, genuine: Float64s, impostor: Float64s) -> Float64s:
        """FAR and TAR, to a coarser bin."""
        sums = [np.concatenate([[0], np.cumsum(counts)]) for counts in (impostor, genuine)]
        return np.array([np.interp(distance, pairs.coarse_edges, one / one[-1]) for one in sums])

    resampled = list(_each(pairs.resampled(_RESAMPLES)))
    found = []
    for threshold in calibration.thresholds:
        rates = pairs.rates_below(threshold.distance)
        coarse = rates_at(threshold.distance, *pairs.coarse_totals)
        drawn = [rates_at(threshold.distance, *counts) for counts in resampled]
        columns = np.array(drawn).reshape(-1, 2).T
        intervals = [
            Interval.around(rate, shifted(column, by=rate - at))
            for rate, column, at in zip(rates, columns, coarse, strict=True)
        ]
        found.append(CheckedThreshold(threshold, *rates, *intervals))
    return tuple(found)


def _each(blocks: Iterator[tuple[Float64s, Float64s]]) -> Iterator[tuple[Float64s, Float64s]]:
    """Genuine and impostor pairs of a resample at a time."""
    for same, other in blocks:
        yield from zip(same, other, strict=True)
