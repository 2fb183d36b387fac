"""Batch samplers (random, PK): pure functions of labels, seed and epoch.

Each returns the batches of one epoch as (batches, batch size) positions in the training samples.
The same arguments give the same batches on every machine.

An epoch ends where what is left does not fill a batch. With `steps` it has so many batches: it is
cut short there, or pictures and groups are drawn afresh as often as they are used up. `part` tells
apart the parts of batches that are drawn from one data set each.
"""

from collections.abc import Callable, Sequence

import numpy as np

from crosscam.errors import DataError
from crosscam.types import Int64s, Sample

# Draws of an epoch's order, of a picture's augmentation, and of what all pictures of a person by a
# camera have in common must not share a stream.
_ORDER, _PICTURE, _CAMERA = 0, 1, 2


def picture_rng(seed: int, epoch: int, position: int) -> np.random.Generator:
    """The generator for the picture at `position` of an epoch, whoever loads it."""
    return np.random.default_rng([_PICTURE, seed, epoch, position])


def camera_rng(seed: int, epoch: int, sample: Sample) -> np.random.Generator:
    """The generator that all pictures of a sample's person by its camera share in an epoch."""
    pid, camid = (number % 2**64 for number in (sample.pid, sample.camid or 0))
    return np.random.default_rng([_CAMERA, seed, epoch, pid, camid])


def random_batches(
    count: int, *, batch_size: int, seed: int, epoch: int, steps: int | None = None, part: int = 0
) -> Int64s:
    """All pictures in random order; an incomplete last batch is dropped."""
    _refuse_too_few(count // batch_size, f"{count} training images", batch_size)

    def draw(rng: np.random.Generator) -> Int64s:
        return _cut(rng.permutation(count), batch_size)

    return _drawn_until(steps, draw, seed=seed, epoch=epoch, part=part)


def group_batches(
    pids: Sequence[int],
    *,
    identities: int,
    images_per_identity: int,
    seed: int,
    epoch: int,
    steps: int | None = None,
    part: int = 0,
) -> Int64s:
    """The batches of the published triplet rows (2018-07-26): shuffled groups of images.

    Each person's images are shuffled and cut into groups (a person with fewer is drawn with
    replacement, what is left over is dropped), all groups are shuffled, and each batch takes the
    next `identities` of them. So a person can be twice in a batch.
    """
    people = _images_by_person(pids)

    def draw(rng: np.random.Generator) -> Int64s:
        groups = [group for images in people for group in _groups(images, images_per_identity, rng)]
        _refuse_too_few(len(groups) // identities, f"{len(groups)} groups of images", identities)
        order = rng.permutation(len(groups))
        return _cut(np.stack(groups)[order].reshape(-1), identities * images_per_identity)

    return _drawn_until(steps, draw, seed=seed, epoch=epoch, part=part)


def identity_batches(
    pids: Sequence[int],
    *,
    identities: int,
    images_per_identity: int,
    seed: int,
    epoch: int,
    steps: int | None = None,
    part: int = 0,
) -> Int64s:
    """PK batches: `identities` different people, `images_per_identity` images of each.

    Groups are made as in `group_batches`; each batch then takes one group from each of `identities`
    people drawn at random from those who have groups left, until too few people are left
    (the sampler of 2018-08-16; Hermans et al., arXiv 1703.07737).
    """
    everyone = _images_by_person(pids)
    _refuse_too_few(len(everyone) // identities, f"{len(everyone)} people", identities)

    def draw(rng: np.random.Generator) -> Int64s:
        left = [_groups(images, images_per_identity, rng) for images in everyone]
        people = np.arange(len(left))
        batches = []
        while len(people) >= identities:
            drawn = rng.choice(people, size=identities, replace=False)
            batches.append(np.concatenate([left[person].pop() for person in drawn]))
            people = np.array([person for person in people if left[person]])
        return np.stack(batches)

    return _drawn_until(steps, draw, seed=seed, epoch=epoch, part=part)


def _drawn_until(
    steps: int | None,
    draw: Callable[[np.random.Generator], Int64s],
    *,
    seed: int,
    epoch: int,
    part: int,
) -> Int64s:
    """What `draw` gives once; or, drawn afresh as often as it takes, the first `steps` batches."""
    rounds = [draw(_order_rng(seed, epoch, 0, part))]
    if steps is None:
        return rounds[0]
    while sum(map(len, rounds)) < steps:
        rounds.append(draw(_order_rng(seed, epoch, len(rounds), part)))
    return np.concatenate(rounds)[:steps]


def _order_rng(seed: int, epoch: int, again: int, part: int) -> np.random.Generator:
    """The generator of one round of an epoch, of one part of its batches."""
    further = (again, part) if again or part else ()
    return np.random.default_rng([_ORDER, seed, epoch, *further])


def _cut(order: Int64s, batch_size: int) -> Int64s:
    whole = len(order) // batch_size
    return order[: whole * batch_size].reshape(whole, batch_size)


def _images_by_person(pids: Sequence[int]) -> list[Int64s]:
    labels = np.asarray(pids)
    order = np.argsort(labels, kind="stable")
    _, starts = np.unique(labels[order], return_index=True)
    return np.split(order, starts[1:])


def _groups(images: Int64s, size: int, rng: np.random.Generator) -> list[Int64s]:
    if len(images) < size:
        return [rng.choice(images, size=size, replace=True)]
    shuffled = rng.permutation(images)
    return [shuffled[start : start + size] for start in range(0, len(images) - size + 1, size)]


def _refuse_too_few(batches: int, available: str, wanted: int) -> None:
    if batches < 1:
        raise DataError(
            f"{available} do not fill one batch, which wants {wanted}; "
            "make batch.size and batch.identities smaller"
        )
