"""Shards of pictures to shards of features, one after another, in this process."""

from collections.abc import Iterable
from contextlib import closing

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosscam.devices import full_float32
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.extraction import extract_features
from crosscam.errors import InputError
from crosscam.features.addresses import Folder, open_folder
from crosscam.features.loading import LoadedBatch, load_shards
from crosscam.features.manifest import FeatureType, PictureList
from crosscam.features.shards import LeftOut, write_shard
from crosscam.features.work import OnPictures, Work
from crosscam.models.camera_embedding import NO_CAMERA
from crosscam.types import Batch


def embed_shards(
    embedder: Embedder, work: Work, shards: Iterable[int], on_pictures: OnPictures
) -> None:
    """Embed the pictures of shards, and write each one when it is done.

    A shard's features depend on its own pictures alone. Raises `BrokenPictureError` for the first
    broken picture, unless they are skipped, and `InputError` for features that are not finite or
    too large for their type; what is done by then is kept.
    """
    folder = open_folder(work.parts)
    with full_float32(), PictureList(folder) as pictures:
        loaded = load_shards(
            pictures,
            shards,
            embedder.preprocess,
            batch_size=work.batch_size,
            workers=work.workers,
            skip_broken=work.skip_broken,
        )
        with closing(loaded):
            made = _Shard()
            for batch in loaded:
                cameras = _cameras(embedder, pictures, batch.shard)
                made.add(batch, _features(embedder, work, batch, cameras))
                if made.asked == work.manifest.pictures_in(batch.shard):
                    made.write(folder, work, batch.shard, pictures)
                    made = _Shard()
                on_pictures(batch.asked)


class _Shard:
    """A shard that is being made: the features of its batches so far."""

    def __init__(self) -> None:
        self.asked = 0
        self._places: list[NDArray[np.int64]] = []
        self._features: list[NDArray[np.floating]] = []
        self._left_out: list[LeftOut] = []

    def add(self, batch: LoadedBatch, features: NDArray[np.floating]) -> None:
        self.asked += batch.asked
        self._places.append(batch.places.copy())  # which shares its memory with the images
        self._features.append(features)
        self._left_out += batch.left_out

    def write(self, folder: Folder, work: Work, number: int, pictures: PictureList) -> None:
        write_shard(
            folder,
            work.manifest,
            number,
            pictures=pictures.table(number).take(np.concatenate(self._places)),
            features=np.concatenate(self._features),
            left_out=self._left_out,
        )


def _features(
    embedder: Embedder, work: Work, batch: LoadedBatch, cameras: Tensor | None
) -> NDArray[np.floating]:
    """(n, D) features of a batch in the type that they are kept in."""
    if not len(batch.places):
        return np.empty((0, embedder.feature_dim), dtype=work.manifest.dtype)
    places = torch.from_numpy(batch.places)
    camids = None if cameras is None else cameras[places]
    given = Batch(torch.from_numpy(batch.images), places, camids)
    flip = work.manifest.making.flip
    [(_, found)] = extract_features(embedder.network, [given], flip=flip)
    return _kept(found.numpy(), work.manifest.dtype)


def _kept(features: NDArray[np.float32], dtype: FeatureType) -> NDArray[np.floating]:
    if not np.isfinite(features).all():
        raise InputError(
            "some features are not finite: the weights are broken, or training diverged"
        )
    with np.errstate(over="ignore"):
        kept: NDArray[np.floating] = features.astype(dtype, copy=False)
    if not np.isfinite(kept).all():
        largest = np.abs(features).max()
        raise InputError(f"a feature of {largest:g} does not fit into {dtype}; use float32")
    return kept


def _cameras(embedder: Embedder, pictures: PictureList, shard: int) -> Tensor | None:
    """The cameras' numbers of a shard's pictures, (n,) int64, if the network looks at them.

    A pattern or a table says them; pictures without are as of no camera.
    """
    if not embedder.network.uses_cameras:
        return None
    names = [picture.camid for picture in pictures.pictures(shard)]
    return torch.tensor([_number(name) for name in names])


def _number(camera: str | None) -> int:
    """A camera's number, by its name; `NO_CAMERA` for a name that is none."""
    found = NO_CAMERA if camera is None or not camera.isdecimal() else int(camera)
    return found if found < -NO_CAMERA else NO_CAMERA
