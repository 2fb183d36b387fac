"""From samples to batches, in processes that hold no random state of their own.

A process is told (epoch, position, index) and draws from (seed, epoch, position), so the batches
are the same for any number of processes.
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from crosscam.data.augmenting import augment
from crosscam.data.images import read_image
from crosscam.data.samplers import camera_rng, picture_rng
from crosscam.data.transforms import Preprocess
from crosscam.devices import count_processors
from crosscam.processes import map_in_order
from crosscam.settings.images import Augmentation
from crosscam.types import Batch, Sample


class Draw(NamedTuple):
    """One picture to be loaded: of which sample, for which place in which epoch."""

    epoch: int
    position: int
    sample: int


class Loaded(NamedTuple):
    """One picture that was loaded: of which sample, and of which camera."""

    image: Tensor
    sample: int
    camid: int | None


@dataclass(frozen=True)
class TrainingImages:
    """Augmented pictures, looked up by `Draw`."""

    samples: Sequence[Sample]
    preprocess: Preprocess
    augmentation: Augmentation
    seed: int

    def __getitem__(self, draw: Draw) -> Loaded:
        """The picture of a draw. Raises `DataError` if it is broken."""
        sample = self.samples[draw.sample]
        rng = picture_rng(self.seed, draw.epoch, draw.position)
        alike = self.augmentation.colours.by == "person-camera"
        tensor = augment(
            read_image(sample.path),
            self.preprocess,
            self.augmentation,
            rng,
            colour_rng=camera_rng(self.seed, draw.epoch, sample) if alike else None,
            another=partial(self._another, draw.sample),
        )
        return Loaded(tensor, draw.sample, sample.camid)

    def _another(self, position: int, rng: np.random.Generator) -> Image.Image:
        """A picture that is not at `position`, if there is one, drawn from all alike."""
        step = int(rng.integers(1, max(2, len(self.samples))))
        return read_image(self.samples[(position + step) % len(self.samples)].path)


@dataclass(frozen=True)
class PlainImages:
    """Pictures as `read_image` gives them, put through `preprocess`, looked up by index."""

    samples: Sequence[Sample]
    preprocess: Callable[[Image.Image], Tensor]

    def __getitem__(self, index: int) -> Loaded:
        """The picture of a sample. Raises `DataError` if it is broken."""
        sample = self.samples[index]
        return Loaded(self.preprocess(read_image(sample.path)), index, sample.camid)


def load_batches(
    images: TrainingImages | PlainImages,
    plan: Iterable[Sequence[Draw]] | Iterable[Sequence[int]],
    *,
    workers: int,
    pin_memory: bool = False,
) -> Generator[Batch, None, None]:
    """The batches that `plan` asks for, in its order, loaded ahead by `workers` processes.

    With no workers the pictures are loaded in this process; there are never more workers than
    processors. Raises `DataError` that names the first broken picture, and where the system ends a
    worker. Closing the iterator, or leaving the loop by an exception, ends the workers.
    """
    loaded = map_in_order(
        _Stacking(images),
        plan,
        processes=min(workers, count_processors()),
        what="loads images",
        advice="use fewer workers, or 0",
    )
    with closing(loaded):
        for stacked in loaded:
            stack = torch.from_numpy(stacked.images)
            camids = None if stacked.camids is None else torch.from_numpy(stacked.camids)
            yield Batch(
                stack.pin_memory() if pin_memory else stack,
                torch.from_numpy(stacked.samples),
                camids,
            )


class _Stacked(NamedTuple):
    """A batch as arrays, which is how it leaves a process: images, samples, and camids if known."""

    images: NDArray[np.float32]
    samples: NDArray[np.int64]
    camids: NDArray[np.int64] | None


@dataclass(frozen=True)
class _Stacking:
    """Loads the pictures of a batch one after another."""

    images: TrainingImages | PlainImages

    def __call__(self, indices: Sequence[Any]) -> _Stacked:
        images, samples, camids = zip(*(self.images[index] for index in indices), strict=True)
        known = [camid for camid in camids if camid is not None]
        cameras = np.array(known, dtype=np.int64) if len(known) == len(images) else None
        stack = torch.stack(images).numpy()
        return _Stacked(stack, np.array(samples, dtype=np.int64), cameras)
