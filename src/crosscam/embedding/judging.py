"""Asking a model whether two pictures show the same person."""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from crosscam.errors import CrosscamWarning, InputError
from crosscam.ranking.distances import pair_distances
from crosscam.types import Embeddings, Float64s

if TYPE_CHECKING:
    from crosscam.models.base import ReIDModel

_BATCH = 64


def same_person(model: "ReIDModel", one: Any, other: Any, *, prior: float) -> float | Float64s:
    """How probable it is that each of `one` shows the person of its partner in `other`.

    What they may be, and what is raised, is said in `ReIDModel.same_person`.
    """
    calibration = model.calibration
    if calibration is None:
        raise InputError(
            "this model has no calibration, so its distances are no probabilities: train it with "
            "--set calibration.held_out=0.1, or run `crosscam calibrate` on a saved one"
        )
    if model.made_by is not None and model.made_by != calibration.made_by:
        warnings.warn(
            f"the calibration belongs to other weights or another preprocessing "
            f"({calibration.made_by}) than the model has now ({model.made_by}): its probabilities "
            "may be off; calibrate it again",
            CrosscamWarning,
            stacklevel=3,
        )
    first, second = (_features(model, given) for given in (one, other))
    if first.shape != second.shape:
        raise InputError(
            f"pairs need as many on both sides, and features of one length: {tuple(first.shape)} "
            f"and {tuple(second.shape)} do not pair"
        )
    distances = pair_distances(first, second, calibration.metric).numpy()
    if calibration.metric == "euclidean":
        distances = np.sqrt(distances)
    probabilities = calibration.probability(np.maximum(distances, 0), prior=prior)
    single = all(isinstance(given, Image.Image) for given in (one, other))
    return float(probabilities[0]) if single else probabilities


def _features(model: "ReIDModel", given: Any) -> Tensor:
    """(N, D) float32 features on the CPU, of pictures or as they were given."""
    if isinstance(given, Embeddings):
        _warn_of_others(model, given)
        return _checked(torch.from_numpy(given.features), model)
    if isinstance(given, (np.ndarray, Tensor)):
        return _checked(torch.as_tensor(given), model)
    pictures = [given] if isinstance(given, Image.Image) else given
    if not isinstance(pictures, Sequence) or not all(
        isinstance(picture, Image.Image) for picture in pictures
    ):
        raise InputError(
            "give PIL images, (N, D) features or Embeddings, not " + type(given).__name__
        )
    return _embed(model, pictures)


def _warn_of_others(model: "ReIDModel", given: Embeddings) -> None:
    calibration = model.calibration
    if calibration is not None and given.made_by not in (None, calibration.made_by):
        warnings.warn(
            f"these features were made by other weights, another preprocessing or another way of "
            f"testing ({given.made_by}) than the calibration is of ({calibration.made_by}): their "
            "probabilities may be off",
            CrosscamWarning,
            stacklevel=5,
        )


def _checked(features: Tensor, model: "ReIDModel") -> Tensor:
    features = features.detach().cpu()
    if (
        features.ndim != 2
        or features.shape[1] != model.feature_dim
        or not features.is_floating_point()
    ):
        raise InputError(
            f"features of this model are (N, {model.feature_dim}) floating numbers, not "
            f"{tuple(features.shape)} {features.dtype}"
        )
    if not bool(torch.isfinite(features).all()):
        raise InputError("some features are not finite")
    return features.float()


def _embed(model: "ReIDModel", pictures: Sequence[Image.Image]) -> Tensor:
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    parts = [torch.zeros(0, model.feature_dim)]
    try:
        with torch.inference_mode():
            for start in range(0, len(pictures), _BATCH):
                batch = pictures[start : start + _BATCH]
                images = torch.stack([model.preprocess(picture) for picture in batch])
                features = model(images.to(device))
                assert isinstance(features, Tensor)
                parts.append(features.float().cpu())
    finally:
        model.train(was_training)
    return torch.cat(parts)
