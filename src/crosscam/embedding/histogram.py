"""A colour-histogram baseline: what clothes' colours alone tell, without any learning."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosscam.data.images import read_image
from crosscam.embedding.embed import Progress, labels_of
from crosscam.types import Embeddings, Sample

BINS = (8, 4, 4)
STRIPES = 6


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


def embed_by_colour(samples: Sequence[Sample], *, on_batch: Progress | None = None) -> Embeddings:
    """The colour histogram of every sample, in order. Raises `DataError` for a broken picture."""
    features = np.empty((len(samples), STRIPES * BINS[0] * BINS[1] * BINS[2]), dtype=np.float32)
    for index, sample in enumerate(samples):
        features[index] = colour_histogram(read_image(sample.path))
        if on_batch:
            on_batch(1)
    return Embeddings(features, *labels_of(samples))
