"""The models by name. A new one is a file of its own and a line here."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from crosscam.data.transforms import Preprocess
from crosscam.errors import ModelError
from crosscam.models.base import ReIDModel
from crosscam.models.imagenet import is_imagenet_file, is_imagenet_name, load_imagenet
from crosscam.models.mobilenetv2 import mobilenetv2
from crosscam.models.resnet import resnet18, resnet50
from crosscam.models.weights import load_weights

MODELS: Mapping[str, Callable[[int], ReIDModel]] = {
    "mobilenetv2": mobilenetv2,
    "resnet18": resnet18,
    "resnet50": resnet50,
}


def list_models() -> list[str]:
    """The names that `create_model` knows, sorted."""
    return sorted(MODELS)


def create_model(
    name: str, *, num_classes: int, weights: str | os.PathLike[str] | None = None
) -> ReIDModel:
    """A model by name, in training mode, with classifiers for `num_classes` people.

    `weights` is None (or "none") for a random start drawn from torch's seed; "imagenet" for
    torchvision's first ImageNet weights, as is their name there, "IMAGENET1K_V1", or that of their
    file; or the path of such a file, or of one that `load_weights` reads. Raises `ModelError` for
    an unknown name, which lists the known ones, and `WeightsError` where the weights cannot be had:
    it never starts at random instead.
    """
    if name not in MODELS:
        raise ModelError(f"unknown model {name!r}; known are {', '.join(list_models())}")
    if num_classes < 1:
        raise ModelError(f"a model tells at least 1 person apart, not {num_classes}")
    model = MODELS[name](num_classes)
    height, width = model.input_size
    model.preprocess = Preprocess(height, width)
    model.metric = "euclidean"
    if weights is None or weights == "none":
        return model
    path = Path(weights)
    if is_imagenet_file(name, path):
        load_imagenet(model, name, path=path)
    elif is_imagenet_name(name, weights) and not path.exists():
        load_imagenet(model, name)
    else:
        load_weights(model, path)
    return model
