"""From batches of images to features: the one loop that everything which embeds goes through."""

import itertools
import warnings
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from crosscam.embedding.network import Network
from crosscam.errors import CrosscamWarning, InputError
from crosscam.types import Batch

_OTHER_CAMERAS = (
    "this model tells the cameras apart that it was trained on, and some pictures are of others, "
    "or of cameras that are not known: those are taken as by the mean of its cameras"
)


def extract_features(
    network: Network, batches: Iterable[Batch], *, flip: bool = False
) -> Iterator[tuple[Tensor, Tensor]]:
    """For each batch its indices, (n,) int64, and the features of its images, (n, D) float32.

    With `flip` a feature is the mean of those of the image and of its mirror image. Both tensors
    are on the CPU. One batch is held at a time. A network that tells cameras apart and is given
    images of others is said to do without, once, by a `CrosscamWarning`.
    """
    known = network.known_cameras if network.uses_cameras else None
    for batch in batches:
        if known is not None and _has_others(batch.camids, known):
            warnings.warn(_OTHER_CAMERAS, CrosscamWarning, stacklevel=2)
            known = None
        features = network(batch.images, batch.camids)
        if flip:
            features = (features + network(batch.images.flip(3), batch.camids)) / 2
        yield batch.indices, features


def _has_others(camids: Tensor | None, known: Sequence[int]) -> bool:
    """Whether some of the cameras are not known to the network, or none are given."""
    return camids is None or not bool(torch.isin(camids, torch.tensor(known)).all())


def batches_of(
    images: Iterable[Tensor], camids: Iterable[int] | None, size: int
) -> Iterator[Batch]:
    """Images, (3, H, W) each, as batches of `size`, with their cameras where these are known.

    Raises `InputError` if there are not as many cameras as images.
    """
    if size < 1:
        raise InputError(f"batch_size must be 1 or more, not {size}")
    cameras = None if camids is None else iter(camids)
    remaining, start = iter(images), 0
    while chunk := list(itertools.islice(remaining, size)):
        seen = None if cameras is None else list(itertools.islice(cameras, len(chunk)))
        if seen is not None and len(seen) < len(chunk):
            raise InputError(f"there are camids for {start + len(seen)} pictures alone; give all")
        numbers = torch.arange(start, start + len(chunk))
        yield Batch(torch.stack(chunk), numbers, None if seen is None else torch.tensor(seen))
        start += len(chunk)
    if cameras is not None and next(cameras, None) is not None:
        raise InputError(f"there are more camids than the {start} pictures")
