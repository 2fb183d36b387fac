"""From samples to embeddings: the pictures of a data set, in order, with their labels."""

from collections.abc import Callable, Sequence
from contextlib import closing

import numpy as np
from PIL import Image
from torch import Tensor

from crosscam.data.loaders import PlainImages, load_batches
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.extraction import extract_features
from crosscam.embedding.network import Network
from crosscam.errors import InputError
from crosscam.types import Embeddings, Int64s, Sample

Progress = Callable[[int], None]


def embed_samples(
    embedder: Embedder,
    samples: Sequence[Sample],
    *,
    batch_size: int = 100,
    workers: int = 0,
    flip: bool = False,
    on_batch: Progress | None = None,
) -> Embeddings:
    """The features of every sample, in order.

    With `flip` a feature is the mean of those of the picture and of its mirror image, as they come.
    `workers` processes load pictures ahead. `on_batch` is told the number of pictures done after
    each batch. Raises `DataError` that names a broken picture, and `InputError` if there are no
    samples or a feature is not finite.
    """
    made_by = embedder.made_by
    return features_of(
        samples,
        embedder.preprocess.from_rgb,
        embedder.network,
        batch_size=batch_size,
        workers=workers,
        flip=flip,
        made_by=f"{made_by}-flip" if made_by is not None and flip else made_by,
        on_batch=on_batch,
    )


def features_of(
    samples: Sequence[Sample],
    preprocess: Callable[[Image.Image], Tensor],
    network: Network,
    *,
    batch_size: int,
    workers: int = 0,
    flip: bool = False,
    made_by: str | None = None,
    on_batch: Progress | None = None,
) -> Embeddings:
    """What `network` makes of samples; see `embed_samples`.

    `preprocess` is given each picture upright and RGB, and gives a tensor, of one shape for all.
    """
    if not samples:
        raise InputError("there are no samples to embed")
    features = np.empty((len(samples), network.feature_dim), dtype=np.float32)
    starts = range(0, len(samples), batch_size)
    plan = [range(start, min(start + batch_size, len(samples))) for start in starts]
    batches = load_batches(
        PlainImages(samples, preprocess),
        plan,
        workers=workers,
        pin_memory=network.device.type == "cuda",
    )
    with closing(batches):
        for indices, found in extract_features(network, batches, flip=flip):
            features[indices.numpy()] = found.numpy()
            if on_batch:
                on_batch(len(indices))
    return Embeddings(features, *labels_of(samples), made_by, clothes_of(samples))


def labels_of(samples: Sequence[Sample]) -> tuple[Int64s, Int64s | None]:
    """The pids and the camids of samples, (N,) int64 each; None for camids that are not known."""
    pids = np.array([sample.pid for sample in samples], dtype=np.int64)
    camids = [sample.camid for sample in samples if sample.camid is not None]
    return pids, np.array(camids, dtype=np.int64) if camids else None


def clothes_of(samples: Sequence[Sample]) -> Int64s | None:
    """What is worn in samples, (N,) int64, numbered for each person; None if not all is known."""
    clothes = [sample.clothes for sample in samples if sample.clothes is not None]
    return np.array(clothes, dtype=np.int64) if len(clothes) == len(samples) else None
