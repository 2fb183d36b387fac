"""Validation splits by identity: training people held out to choose or to calibrate by."""

from collections.abc import Sequence

import numpy as np

from crosscam.errors import DataError
from crosscam.types import ReIDDataset, Sample

_HOLDOUT, _CALIBRATION = 2, 4  # random streams of their own, beside those of the samplers


def hold_out(samples: Sequence[Sample], *, share: float, seed: int, name: str) -> ReIDDataset:
    """Split training samples by person: most to train on, the rest to choose by.

    A `share` of the people in (0, 1), drawn by `seed`, becomes query and gallery: one image of each
    person and camera (of each person where cameras are not known) is a query, the others are the
    gallery. Raises `DataError` if too few people or images are there for that.
    """
    held, train = _set_aside(samples, share, np.random.default_rng([_HOLDOUT, seed]), "choose")
    query: list[Sample] = []
    gallery: list[Sample] = []
    asked: set[tuple[int, int | None]] = set()
    for sample in held:
        asked_already = (sample.pid, sample.camid) in asked
        (gallery if asked_already else query).append(sample)
        asked.add((sample.pid, sample.camid))
    seen = {(sample.pid, sample.camid) for sample in gallery}
    if not any(_finds(sample, seen) for sample in query):
        raise DataError(
            "none of the people held out of training has a second image that counts, from another "
            "camera where cameras are known; hold out more of them, or keep the last epoch"
        )
    return ReIDDataset(name, train, tuple(query), tuple(gallery))


def set_aside(
    samples: Sequence[Sample], *, share: float, seed: int
) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    """All samples of a `share` of the people in (0, 1), drawn by `seed`, to calibrate by; the rest.

    Raises `DataError` if that leaves too few people on a side.
    """
    rng = np.random.default_rng([_CALIBRATION, seed])
    return _set_aside(samples, share, rng, "calibrate")


def _set_aside(
    samples: Sequence[Sample], share: float, rng: np.random.Generator, purpose: str
) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
    people = sorted({sample.pid for sample in samples})
    count = round(share * len(people))
    if count < 2 or len(people) - count < 2:
        raise DataError(
            f"holding out {share:g} of {len(people)} training people leaves {count} to {purpose} "
            f"by and {len(people) - count} to train on; each side needs 2"
        )
    held = {people[position] for position in rng.choice(len(people), size=count, replace=False)}
    return (
        tuple(sample for sample in samples if sample.pid in held),
        tuple(sample for sample in samples if sample.pid not in held),
    )


def _finds(query: Sample, gallery: set[tuple[int, int | None]]) -> bool:
    return any(
        pid == query.pid and (camid is None or camid != query.camid) for pid, camid in gallery
    )
