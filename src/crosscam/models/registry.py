"""The models by name. A new one is a file of its own and a line here."""

import os
from collections.abc import Callable, Mapping

from crosscam.data.transforms import Preprocess
from crosscam.downloads import OnBytes
from crosscam.errors import ModelError
from crosscam.models.base import ReIDModel
from crosscam.models.densenet121 import densenet121
from crosscam.models.hacnn import hacnn
from crosscam.models.mobilenetv2 import mobilenetv2
from crosscam.models.nasnetmobile import nasnetmobile
from crosscam.models.resnet import resnet18, resnet50
from crosscam.models.resnet50m import resnet50m
from crosscam.models.shufflenet import shufflenet
from crosscam.models.squeezenet import squeezenet
from crosscam.models.start import start_from

MODELS: Mapping[str, Callable[[int], ReIDModel]] = {
    "densenet121": densenet121,
    "hacnn": hacnn,
    "mobilenetv2": mobilenetv2,
    "nasnetmobile": nasnetmobile,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "resnet50m": resnet50m,
    "shufflenet": shufflenet,
    "squeezenet": squeezenet,
}


def list_models() -> list[str]:
    """The names that `create_model` knows, sorted."""
    return sorted(MODELS)


def create_model(
    name: str,
    *,
    num_classes: int,
    weights: str | os.PathLike[str] | None = None,
    on_bytes: OnBytes | None = None,
) -> ReIDModel:
    """A model by name, in training mode, with classifiers for `num_classes` people.

    `weights` is None (or "none") for a random start drawn from torch's seed; "imagenet" for
    torchvision's first ImageNet weights, as is their name there, "IMAGENET1K_V1", or that of their
    file; or the path, or the http, https or file URL, of such a file, or of one that `load_weights`
    reads. What has to be fetched is kept in torch's cache, to be fetched once, and `on_bytes` is
    told how many bytes are here, and of how many if that is known.

    Raises `ModelError` for an unknown name, which lists the known ones, and `WeightsError` where
    the weights cannot be had: it never starts at random instead.
    """
    if name not in MODELS:
        raise ModelError(f"unknown model {name!r}; known are {', '.join(list_models())}")
    if num_classes < 1:
        raise ModelError(f"a model tells at least 1 person apart, not {num_classes}")
    model = MODELS[name](num_classes)
    height, width = model.input_size
    model.preprocess = Preprocess(height, width)
    model.metric = "euclidean"
    if weights is not None and weights != "none":
        start_from(model, name, weights, on_bytes=on_bytes)
    return model
