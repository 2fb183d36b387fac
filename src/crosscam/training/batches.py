"""The stream of training batches: which pictures, in which step, from any step on."""

import contextlib
import itertools
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from crosscam.data.loaders import Draw, TrainingImages, load_batches
from crosscam.data.samplers import group_batches, identity_batches, random_batches
from crosscam.data.transforms import Preprocess
from crosscam.errors import DataError
from crosscam.recipe import Recipe
from crosscam.settings.images import Batching
from crosscam.types import Batch, Int64s, Sample


@dataclass(frozen=True)
class Step:
    """One step of training: iteration `iteration` of `iterations` in epoch `epoch`, from 0."""

    epoch: int
    iteration: int
    iterations: int

    @property
    def epochs_done(self) -> float:
        """How much of training lies before this step, in epochs."""
        return self.epoch + self.iteration / self.iterations

    @property
    def ends_epoch(self) -> bool:
        """Whether this is the last step of its epoch."""
        return self.iteration == self.iterations - 1

    @property
    def next(self) -> tuple[int, int]:
        """(epoch, iteration) of the step after this one."""
        return (self.epoch + 1, 0) if self.ends_epoch else (self.epoch, self.iteration + 1)


def epoch_batches(
    samples: Sequence[Sample],
    batch: Batching,
    *,
    seed: int,
    epoch: int,
    sets: Int64s | None = None,
) -> Int64s:
    """(iterations, batch size) positions in `samples`: what one epoch looks at, by the recipe.

    `sets`, (N,) int64, says which data set each of N samples is of, where they are of several.
    Raises `DataError` if the samples do not fill a batch, or if one cannot be shared out equally.
    """
    pids = np.array([sample.pid for sample in samples], dtype=np.int64)
    if batch.steps_per_epoch == "images":
        whole = max(1, len(samples) // batch.size)
        batch = batch.model_copy(update={"steps_per_epoch": whole})
    if batch.balance == "proportional" or sets is None:
        return _draw(pids, batch, seed=seed, epoch=epoch)
    places = [np.flatnonzero(sets == one) for one in np.unique(sets)]
    share = _share(batch, len(places))

    def draw(steps: int | None) -> list[Int64s]:
        each = share.model_copy(update={"steps_per_epoch": steps})
        return [
            place[_draw(pids[place], each, seed=seed, epoch=epoch, part=part)]
            for part, place in enumerate(places, start=1)
        ]

    steps = _steps_told(batch) or max(map(len, draw(None)))
    return np.concatenate(draw(steps), axis=1)


def _draw(pids: Int64s, batch: Batching, *, seed: int, epoch: int, part: int = 0) -> Int64s:
    """The batches of an epoch, or of the part of them that is drawn from one data set."""
    people_and_images, steps = batch.identities_and_images, _steps_told(batch)
    if people_and_images is None:
        return random_batches(
            len(pids), batch_size=batch.size, seed=seed, epoch=epoch, steps=steps, part=part
        )
    draw = identity_batches if batch.sampler == "identities" else group_batches
    identities, images_per_identity = people_and_images
    return draw(
        pids.tolist(),
        identities=identities,
        images_per_identity=images_per_identity,
        seed=seed,
        epoch=epoch,
        steps=steps,
        part=part,
    )


def _steps_told(batch: Batching) -> int | None:
    """How many steps an epoch has, None if that is left to the sampler."""
    steps = batch.steps_per_epoch
    assert steps != "images"  # a number of them by now
    return steps


def _share(batch: Batching, count: int) -> Batching:
    """What one of `count` data sets has of a batch. Raises `DataError` if that is no whole."""
    people_and_images = batch.identities_and_images
    whole, key = (
        (batch.size, "size") if people_and_images is None else (people_and_images[0], "identities")
    )
    if whole % count:
        raise DataError(
            f'batch.balance = "equal": batch.{key} is {whole}, which is not divisible by {count} '
            f"data sets; set it to a multiple of {count}"
        )
    identities = None if people_and_images is None else whole // count
    return batch.model_copy(update={"size": batch.size // count, "identities": identities})


def epoch_in_words(first: Int64s, samples: Sequence[Sample], batch: Batching) -> str:
    """How long an epoch is, and how many of the images it looks at; `first` are its batches.

    Only epochs of different people (`sampler = "identities"`) differ in length, and these not where
    their steps are told.
    """
    steps, size = first.shape
    varies = batch.sampler == "identities" and batch.steps_per_epoch is None
    which = "the first epoch" if varies else "an epoch"
    seen = len(np.unique(first))
    words = (
        f"{which} is {steps:,} step{'s' if steps != 1 else ''} of {size} images "
        f"({seen:,} of {len(samples):,})"
    )
    return f"{words}; others may be a few shorter or longer" if varies else words


def training_batches(
    samples: Sequence[Sample],
    recipe: Recipe,
    preprocess: Preprocess,
    *,
    start: tuple[int, int],
    sets: Int64s | None = None,
    pin_memory: bool = False,
) -> Generator[tuple[Step, Batch], None, None]:
    """Every step from (epoch, iteration) `start` to the end of training, with its batch.

    `sets` says which data set each sample is of, as in `epoch_batches`.
    Steps and batches depend on the recipe's seed alone, not on where the stream starts nor on the
    number of workers, which load ahead across the end of an epoch.
    """
    steps, planned = itertools.tee(_steps(samples, recipe, start, sets))
    images = TrainingImages(samples, preprocess, recipe.augment, recipe.seed)
    plan = (draws for _, draws in planned)
    loaded = load_batches(images, plan, workers=recipe.workers, pin_memory=pin_memory)
    with contextlib.closing(loaded):
        for (step, _), batch in zip(steps, loaded, strict=True):
            yield step, batch


def _steps(
    samples: Sequence[Sample], recipe: Recipe, start: tuple[int, int], sets: Int64s | None
) -> Iterator[tuple[Step, list[Draw]]]:
    for epoch in range(start[0], recipe.schedule.epochs):
        batches = epoch_batches(samples, recipe.batch, seed=recipe.seed, epoch=epoch, sets=sets)
        for iteration, indices in enumerate(batches):
            if (epoch, iteration) < start:
                continue
            first = iteration * batches.shape[1]
            draws = [Draw(epoch, first + place, int(index)) for place, index in enumerate(indices)]
            yield Step(epoch, iteration, len(batches)), draws
