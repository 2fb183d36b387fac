"""From samples to embeddings: the model over every picture, in order."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from crosscam.data.loaders import PlainImages, load_batches
from crosscam.errors import InputError
from crosscam.models.base import ReIDModel
from crosscam.types import Embeddings, Int64s, Sample

Progress = Callable[[int], None]


def embed(
    model: ReIDModel,
    samples: Sequence[Sample],
    *,
    batch_size: int = 100,
    workers: int = 0,
    flip: bool = False,
    on_batch: Progress | None = None,
) -> Embeddings:
    """The features of every sample, in order, on the device where the model is.

    With `flip` a feature is the mean of those of the picture and of its mirror image, as they come.
    The model is put in eval mode for it, and back. `on_batch` is told the number of pictures done
    after each batch. Raises `DataError` that names a broken picture, and `InputError` if a feature
    is not finite.
    """
    if not samples:
        raise InputError("there are no samples to embed")
    device = next(model.parameters()).device
    features = np.empty((len(samples), model.feature_dim), dtype=np.float32)
    starts = range(0, len(samples), batch_size)
    plan = [range(start, min(start + batch_size, len(samples))) for start in starts]
    images = PlainImages(samples, model.preprocess)
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for batch in load_batches(
                images, plan, workers=workers, pin_memory=device.type == "cuda"
            ):
                pictures = batch.images.to(device, non_blocking=True)
                output = model(pictures).float()
                if flip:
                    output = (output + model(pictures.flip(3)).float()) / 2
                features[batch.indices.numpy()] = output.cpu().numpy()
                if on_batch:
                    on_batch(len(batch.indices))
    finally:
        model.train(was_training)
    made_by = model.made_by
    if made_by is not None and flip:
        made_by += "-flip"
    return Embeddings(features, *labels_of(samples), made_by)


def labels_of(samples: Sequence[Sample]) -> tuple[Int64s, Int64s | None]:
    """The pids and the camids of samples, (N,) int64 each; None for camids that are not known."""
    pids = np.array([sample.pid for sample in samples], dtype=np.int64)
    camids = [sample.camid for sample in samples if sample.camid is not None]
    return pids, np.array(camids, dtype=np.int64) if camids else None
