"""Opening every image of a data set once, so that no broken one is met after a long training."""

from collections.abc import Callable

import torch
from PIL import Image
from torch import Tensor

from crosscam.data.loaders import PlainImages, load_batches
from crosscam.types import ReIDDataset, Sample

_AT_ONCE = 64
_FEW = 2_000  # which are looked at sooner than other processes are started


def all_images(dataset: ReIDDataset) -> tuple[Sample, ...]:
    """A sample of every image of a data set, each image once."""
    samples = (*dataset.train, *dataset.query, *dataset.gallery, *dataset.multi_query)
    return tuple({sample.path: sample for sample in samples}.values())


def look_at_images(dataset: ReIDDataset, *, workers: int, on_batch: Callable[[int], None]) -> None:
    """Decode every image of a data set, as training and testing will.

    `on_batch` is told how many more were looked at. Raises `DataError` that names the first broken
    one.
    """
    samples = all_images(dataset)
    plan = [
        range(first, min(first + _AT_ONCE, len(samples)))
        for first in range(0, len(samples), _AT_ONCE)
    ]
    images = PlainImages(samples, _nothing)
    for batch in load_batches(images, plan, workers=workers if len(samples) > _FEW else 0):
        on_batch(len(batch.images))


def _nothing(_image: Image.Image) -> Tensor:
    return torch.zeros(1)
