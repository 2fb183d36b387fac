"""From samples to batches, in worker processes that hold no random state of their own.

A worker is told (epoch, position, index) and draws from (seed, epoch, position), so the batches are
the same for any number of workers. Workers ignore Ctrl-C and SIGTERM, which reach a whole group of
processes: the main process hears them, finishes its step, and ends its workers; if it is killed,
they notice and end by themselves.
"""

import signal
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from crosscam.data.images import read_image
from crosscam.data.samplers import picture_rng
from crosscam.data.transforms import Augmentation, Preprocess, augment
from crosscam.devices import count_processors
from crosscam.errors import DataError
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
class TrainingImages(Dataset[Loaded | DataError]):
    """Augmented pictures, looked up by `Draw`."""

    samples: Sequence[Sample]
    preprocess: Preprocess
    augmentation: Augmentation
    seed: int

    def __getitem__(self, draw: Draw) -> Loaded | DataError:
        try:
            image = read_image(self.samples[draw.sample].path)
        except DataError as error:
            return error  # raised in the main process, without a worker's traceback around it
        rng = picture_rng(self.seed, draw.epoch, draw.position)
        tensor = augment(image, self.preprocess, self.augmentation, rng)
        return Loaded(tensor, draw.sample, self.samples[draw.sample].camid)


@dataclass(frozen=True)
class PlainImages(Dataset[Loaded | DataError]):
    """Pictures as `read_image` gives them, put through `preprocess`, looked up by index."""

    samples: Sequence[Sample]
    preprocess: Callable[[Image.Image], Tensor]

    def __getitem__(self, index: int) -> Loaded | DataError:
        try:
            tensor = self.preprocess(read_image(self.samples[index].path))
        except DataError as error:
            return error
        return Loaded(tensor, index, self.samples[index].camid)


def load_batches(
    images: TrainingImages | PlainImages,
    plan: Iterable[Sequence[Draw]] | Iterable[Sequence[int]],
    *,
    workers: int,
    pin_memory: bool = False,
) -> Generator[Batch, None, None]:
    """The batches that `plan` asks for, in its order, loaded ahead by `workers` processes.

    With no workers the pictures are loaded in this process; there are never more workers than
    processors. Raises `DataError` that names the
    first broken picture. Closing the iterator, or leaving the loop by an exception, ends the
    workers.
    """
    loader: DataLoader[Any] = DataLoader(
        cast("Dataset[Any]", images),
        batch_sampler=cast("Iterable[list[Any]]", plan),
        num_workers=min(workers, count_processors()),
        collate_fn=_collate,
        worker_init_fn=_ignore_interrupts,
        pin_memory=pin_memory,
        persistent_workers=False,
    )
    try:
        for batch in loader:
            if isinstance(batch, DataError):
                raise batch
            yield batch
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise DataError(
            f"a process that loads images was ended by the system ({error}), often for want of "
            "memory or of /dev/shm (docker run --shm-size); use fewer workers, or 0"
        ) from None


def _collate(items: Sequence[Loaded | DataError]) -> Batch | DataError:
    loaded = []
    for item in items:
        if isinstance(item, DataError):
            return item
        loaded.append(item)
    images, samples, camids = zip(*loaded, strict=True)
    known = [camid for camid in camids if camid is not None]
    cameras = torch.tensor(known) if len(known) == len(loaded) else None
    return Batch(torch.stack(images), torch.tensor(samples), cameras)


def _ignore_interrupts(_worker: int) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
