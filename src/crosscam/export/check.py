"""The check of an exported model: on pictures of the built-in people it is what the model is."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from crosscam.data.images import read_image
from crosscam.data.people import load_people
from crosscam.data.transforms import Preprocess
from crosscam.embedding.network import Network
from crosscam.errors import ExportError
from crosscam.models.camera_embedding import NO_CAMERA
from crosscam.ranking.distances import product_distances
from crosscam.types import Metric

BATCHES = (1, 2, 17)
LARGEST_DISTANCE = 1e-5
_QUERIES, _GALLERY = 5, 12
_TIE = 1e-4  # of the largest distance


@dataclass(frozen=True)
class Check:
    """What a check found: it was of `pictures` pictures, in batches of each of `batches`.

    largest_distance: the largest cosine distance of a feature to the original's.
    same_order: whether every query has the gallery in the original's order, images apart that the
        original has at the same distance but for a 10,000th of the largest.
    """

    largest_distance: float
    same_order: bool
    pictures: int = _QUERIES + _GALLERY
    batches: tuple[int, ...] = BATCHES


def check_export(
    exported: Network, original: Network, *, preprocess: Preprocess, metric: Metric
) -> Check:
    """Compare an exported network with the one that it was made of.

    Raises `ExportError` for features of another shape, and for ones that are not finite.
    """
    images, camids = check_images(preprocess), check_cameras(original.known_cameras)
    expected = original(images, camids)
    if not torch.isfinite(expected).all():
        raise ExportError("the model's own features are not finite: its weights are broken")
    distances, same = [], True
    for size in BATCHES:
        pieces = images.split(size)
        cameras = [None] * len(pieces) if camids is None else camids.split(size)
        parts = [exported(*piece) for piece in zip(pieces, cameras, strict=True)]
        found = torch.cat(parts)
        if found.shape != expected.shape or found.dtype != torch.float32:
            raise ExportError(
                f"at batch {size} the exported model gives {tuple(found.shape)} {found.dtype}, "
                f"not {tuple(expected.shape)} torch.float32"
            )
        if not torch.isfinite(found).all():
            raise ExportError(f"at batch {size} the exported model's features are not finite")
        distances.append(cosine_distance(found, expected))
        same = same and _same_order(found, expected, metric)
    return Check(max(distances), same)


def refuse_other(check: Check) -> None:
    """Raise `ExportError` unless an exported model does what the original does."""
    if not check.largest_distance < LARGEST_DISTANCE:
        raise ExportError(
            f"the exported model's features are not the model's: their cosine distance is up to "
            f"{check.largest_distance:.1e}, and must be under {LARGEST_DISTANCE:g}; nothing was "
            "written"
        )
    if not check.same_order:
        raise ExportError(
            "the exported model ranks the built-in people in another order than the model does; "
            "nothing was written"
        )


def check_images(preprocess: Preprocess) -> Tensor:
    """(17, 3, H, W) float32: five queries, and twelve of a gallery with the same people."""
    return torch.stack([preprocess.from_rgb(read_image(path)) for path in _paths()])


def check_cameras(known: tuple[int, ...] | None) -> Tensor | None:
    """(17,) int64: all cameras in turn, and one that is not known; None for no cameras."""
    if known is None:
        return None
    every = itertools.cycle([*known, NO_CAMERA])
    return torch.tensor(list(itertools.islice(every, _QUERIES + _GALLERY)))


def cosine_distance(found: Tensor, expected: Tensor) -> float:
    """The largest cosine distance of rows of two (N, D) float32, of their float64 values."""
    one, other = (
        features.double() / features.double().norm(dim=1, keepdim=True)
        for features in (found, expected)
    )
    return float(((one - other).square().sum(dim=1) / 2).max())


def _paths() -> Iterator[str]:
    people = load_people()
    first = {sample.pid: sample for sample in reversed(people.query)}
    pids = sorted(first)[:_QUERIES]
    yield from (str(first[pid].path) for pid in pids)
    known = [sample for sample in people.gallery if sample.pid in pids]
    every = len(known) / _GALLERY
    yield from (str(known[int(place * every)].path) for place in range(_GALLERY))


def _same_order(found: Tensor, expected: Tensor, metric: Metric) -> bool:
    now, before = (
        product_distances(features[:_QUERIES], features[_QUERIES:], metric).double().numpy()
        for features in (found, expected)
    )
    tie = _TIE * before.max()
    nearer_before = before[:, :, None] < before[:, None, :] - tie
    nearer_now = now[:, :, None] < now[:, None, :]
    return bool(np.all(nearer_now | ~nearer_before))
