"""A colour-histogram baseline: what clothes' colours alone tell, without any learning."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from crosscam.choices import Precision, Runtime
from crosscam.embedding.samples import Progress, features_of
from crosscam.types import Embeddings, Sample

BINS = (8, 4, 4)
STRIPES = 6
_BATCH_SIZE = 64


def colour_histogram(image: Image.Image) -> NDArray[np.float32]:
    """Square roots of the shares of 8 x 4 x 4 HSV bins in six horizontal stripes: (768,) float32.

    Compared by cosine, the square roots give the Bhattacharyya coefficient of the histograms.
    """
    hsv = np.asarray(image.convert("HSV"), dtype=np.int64)
    hue, saturation, value = (hsv[..., axis] * bins // 256 for axis, bins in enumerate(BINS))
    cells = (hue * BINS[1] + saturation) * BINS[2] + value
    size = BINS[0] * BINS[1] * BINS[2]
    counts = [
        np.bincount(stripe.ravel(), minlength=size) / max(1, stripe.size)
        for stripe in np.array_split(cells, STRIPES, axis=0)
    ]
    histogram: NDArray[np.float32] = np.sqrt(np.concatenate(counts)).astype(np.float32)
    return histogram


@dataclass(frozen=True)
class _Unchanged:
    """The network whose features are what it is given: there is nothing to be learned."""

    feature_dim: int = STRIPES * BINS[0] * BINS[1] * BINS[2]
    uses_cameras: bool = False
    known_cameras: None = None
    runtime: Runtime = "torch"
    precision: Precision = "float32"

    @property
    def device(self) -> torch.device:
        """The processor."""
        return torch.device("cpu")

    def __call__(self, images: Tensor, camids: Tensor | None) -> Tensor:  # noqa: ARG002
        return images


def embed_by_colour(
    samples: Sequence[Sample], *, workers: int = 0, on_batch: Progress | None = None
) -> Embeddings:
    """The colour histogram of every sample, in order. Raises `DataError` for a broken picture."""
    return features_of(
        samples,
        _histogram_tensor,
        _Unchanged(),
        batch_size=_BATCH_SIZE,
        workers=workers,
        on_batch=on_batch,
    )


def _histogram_tensor(image: Image.Image) -> Tensor:
    return torch.from_numpy(colour_histogram(image))
