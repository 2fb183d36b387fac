"""The models by name. A new one is a file of its own and a line here."""

from collections.abc import Callable, Mapping

import torch

from crosscam.errors import ModelError
from crosscam.models.base import ReIDModel
from crosscam.models.densenet121 import densenet121
from crosscam.models.hacnn import hacnn
from crosscam.models.lightres import lightres
from crosscam.models.mlfn import mlfn
from crosscam.models.mobilenetv2 import mobilenetv2
from crosscam.models.mobilenetv2_x1_4 import mobilenetv2_x1_4
from crosscam.models.nasnetmobile import nasnetmobile
from crosscam.models.osnet import (
    osnet_ibn_x1_0,
    osnet_x0_5,
    osnet_x0_25,
    osnet_x0_75,
    osnet_x1_0,
)
from crosscam.models.osnet_ain import osnet_ain_x1_0
from crosscam.models.resnet import resnet18, resnet50
from crosscam.models.resnet50_fc512 import resnet50_fc512
from crosscam.models.resnet50m import resnet50m
from crosscam.models.shufflenet import shufflenet
from crosscam.models.squeezenet import squeezenet
from crosscam.models.timm_backbone import refuse_unknown_backbone, timm_model
from crosscam.models.timm_names import is_timm_name

MODELS: Mapping[str, Callable[[int], ReIDModel]] = {
    "densenet121": densenet121,
    "hacnn": hacnn,
    "lightres": lightres,
    "mlfn": mlfn,
    "mobilenetv2": mobilenetv2,
    "mobilenetv2_x1_4": mobilenetv2_x1_4,
    "nasnetmobile": nasnetmobile,
    "osnet_ain_x1_0": osnet_ain_x1_0,
    "osnet_ibn_x1_0": osnet_ibn_x1_0,
    "osnet_x0_25": osnet_x0_25,
    "osnet_x0_5": osnet_x0_5,
    "osnet_x0_75": osnet_x0_75,
    "osnet_x1_0": osnet_x1_0,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "resnet50_fc512": resnet50_fc512,
    "resnet50m": resnet50m,
    "shufflenet": shufflenet,
    "squeezenet": squeezenet,
}


def list_models() -> list[str]:
    """The names of crosscam's own models, sorted; `create_model` takes timm's too."""
    return sorted(MODELS)


def refuse_unknown_model(name: str) -> None:
    """Raise `ModelError` if `create_model` knows no model of this name, saying what it knows."""
    if is_timm_name(name):
        refuse_unknown_backbone(name)
    elif name not in MODELS:
        raise ModelError(
            f"unknown model {name!r}; known are {', '.join(list_models())}, "
            "and timm's backbones as timm/NAME"
        )


def build_model(name: str, *, num_classes: int, pretrained: bool = False) -> ReIDModel:
    """A model by name, in training mode, with weights drawn from torch's seed.

    With `pretrained` a backbone of timm gets timm's own weights, which timm fetches. Raises
    `ModelError` for an unknown name, which lists the known ones. What a user calls, and what starts
    from other weights, is `crosscam.create_model`.
    """
    refuse_unknown_model(name)
    if num_classes < 1:
        raise ModelError(f"a model tells at least 1 person apart, not {num_classes}")
    if is_timm_name(name):
        return timm_model(name, num_classes, pretrained=pretrained)
    return MODELS[name](num_classes)


def outline_model(name: str, *, num_classes: int) -> ReIDModel:
    """A model as `build_model` makes it, but without numbers: it takes no memory, to see shapes."""
    with torch.device("meta"):
        return build_model(name, num_classes=num_classes)
