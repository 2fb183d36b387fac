"""Loading the pictures of shards, batch by batch, by processes, broken ones left out or not."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from crosscam.data.images import read_image, read_image_bytes
from crosscam.data.transforms import Preprocess
from crosscam.devices import count_processors
from crosscam.errors import DataError
from crosscam.features.addresses import is_address, read_all
from crosscam.features.manifest import PictureList
from crosscam.features.shards import LeftOut
from crosscam.processes import map_in_order


class BrokenPictureError(DataError):
    """A picture that cannot be read; the message names it."""


class LoadedBatch(NamedTuple):
    """Pictures of a shard.

    images: (n, 3, H, W) float32, of those that could be read; places: (n,) their places in the
    shard; asked: how many pictures the batch has with those left out.
    """

    shard: int
    images: NDArray[np.float32]
    places: NDArray[np.int64]
    asked: int
    left_out: list[LeftOut]


class _Wanted(NamedTuple):
    shard: int
    first: int
    names: list[tuple[str, str]]  # what each picture is called, and where it is


def load_shards(
    pictures: PictureList,
    shards: Iterable[int],
    preprocess: Preprocess,
    *,
    batch_size: int,
    workers: int,
    skip_broken: bool,
) -> Generator[LoadedBatch, None, None]:
    """The pictures of shards, in order, in batches that each lie in one shard.

    Raises `BrokenPictureError` for the first broken picture, unless those are skipped.
    """
    return map_in_order(
        _Loading(preprocess, skip_broken),
        _batches(pictures, shards, batch_size),
        processes=min(workers, count_processors()),
        what="loads images",
        advice="use fewer workers, or 0",
    )


def _batches(pictures: PictureList, shards: Iterable[int], size: int) -> Iterator[_Wanted]:
    for shard in shards:
        names = [(picture.path, picture.source) for picture in pictures.pictures(shard)]
        for first in range(0, len(names), size):
            yield _Wanted(shard, first, names[first : first + size])


@dataclass(frozen=True)
class _Loading:
    """Loads the pictures of a batch one after another; those of a store are fetched together."""

    preprocess: Preprocess
    skip_broken: bool

    def __call__(self, wanted: _Wanted) -> LoadedBatch:
        places: list[int] = []
        left_out: list[LeftOut] = []
        size = (self.preprocess.height, self.preprocess.width)
        images = np.empty((len(wanted.names), 3, *size), dtype=np.float32)
        contents = _fetched([source for _, source in wanted.names])
        for place, (path, source) in enumerate(wanted.names):
            try:
                image = _read(source, contents.get(source))
            except DataError as error:
                if not self.skip_broken:
                    raise BrokenPictureError(str(error)) from None
                left_out.append(LeftOut(path, str(error)))
                continue
            torch.from_numpy(images[len(places)]).copy_(self.preprocess.from_rgb(image))
            places.append(place)
        kept = images[: len(places)]
        numbers = wanted.first + np.array(places, dtype=np.int64)
        return LoadedBatch(wanted.shard, kept, numbers, len(wanted.names), left_out)


def _fetched(sources: Sequence[str]) -> dict[str, bytes | Exception]:
    remote = [source for source in sources if is_address(source)]
    return dict(zip(remote, read_all(remote), strict=True))


def _read(source: str, content: bytes | Exception | None) -> Image.Image:
    if content is None:
        return read_image(Path(source))
    if isinstance(content, FileNotFoundError):
        raise DataError(f"no such image: {source}")
    if isinstance(content, Exception):
        raise DataError(f"cannot read image {source}: {content}")
    return read_image_bytes(content, source)
