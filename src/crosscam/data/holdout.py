"""Setting some of the training people aside, to choose by them and never by the test people."""

from collections.abc import Sequence

import numpy as np

from crosscam.errors import DataError
from crosscam.types import ReIDDataset, Sample

_HOLDOUT = 2  # a random stream of its own, beside those of the samplers


def hold_out(samples: Sequence[Sample], *, share: float, seed: int, name: str) -> ReIDDataset:
    """Split training samples by person: most to train on, the rest to choose by.

    A `share` of the people in (0, 1), drawn by `seed`, becomes query and gallery: one image of each
    person and camera (of each person where cameras are not known) is a query, the others are the
    gallery. Raises `DataError` if too few people or images are there for that.
    """
    people = sorted({sample.pid for sample in samples})
    count = round(share * len(people))
    if count < 2 or len(people) - count < 2:
        raise DataError(
            f"holding out {share:g} of {len(people)} training people leaves {count} to choose by "
            f"and {len(people) - count} to train on; each side needs 2"
        )
    rng = np.random.default_rng([_HOLDOUT, seed])
    held = {people[position] for position in rng.choice(len(people), size=count, replace=False)}
    train = tuple(sample for sample in samples if sample.pid not in held)
    query: list[Sample] = []
    gallery: list[Sample] = []
    asked: set[tuple[int, int | None]] = set()
    for sample in samples:
        if sample.pid not in held:
            continue
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


def _finds(query: Sample, gallery: set[tuple[int, int | None]]) -> bool:
    return any(
        pid == query.pid and (camid is None or camid != query.camid) for pid, camid in gallery
    )
