"""The models by name. A new one is a file of its own and a line here."""

from collections.abc import Callable, Mapping
from typing import get_type_hints

import torch

from crosscam.errors import ModelError
from crosscam.models.base import ReIDModel
from crosscam.models.densenet121 import densenet121
from crosscam.models.hacnn import hacnn
from crosscam.models.heads import HeadedModel
from crosscam.models.lightmbn import lightmbn_osnet
from crosscam.models.lightres import SWITCHED_LIGHTRES, lightres
from crosscam.models.mlfn import mlfn
from crosscam.models.mobilenetv2 import mobilenetv2
from crosscam.models.mobilenetv2_x1_4 import mobilenetv2_x1_4
from crosscam.models.nasnetmobile import nasnetmobile
from crosscam.models.osnet import (
    SWITCHED_OSNET,
    osnet_ibn_x1_0,
    osnet_x0_5,
    osnet_x0_25,
    osnet_x0_75,
    osnet_x1_0,
)
from crosscam.models.osnet_ain import SWITCHED_OSNET_AIN, osnet_ain_x1_0
from crosscam.models.resnet import resnet18, resnet50, resnet101
from crosscam.models.resnet50_fc512 import resnet50_fc512
from crosscam.models.resnet50m import resnet50m
from crosscam.models.resnet_switches import SWITCHED_RESNETS
from crosscam.models.shufflenet import shufflenet
from crosscam.models.squeezenet import squeezenet
from crosscam.models.switches import Switched, Wanted, parse_switches, plain_name
from crosscam.models.timm_backbone import refuse_unknown_backbone, timm_model
from crosscam.models.timm_names import is_timm_name
from crosscam.models.undrawn import Undrawn
from crosscam.models.vit import SWITCHED_VITS, vit_base, vit_small, vit_small_d8
from crosscam.settings.head import Head

MODELS: Mapping[str, Callable[[int], ReIDModel]] = {
    "densenet121": densenet121,
    "hacnn": hacnn,
    "lightmbn_osnet": lightmbn_osnet,
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
    "resnet101": resnet101,
    "resnet18": resnet18,
    "resnet50": resnet50,
    "resnet50_fc512": resnet50_fc512,
    "resnet50m": resnet50m,
    "shufflenet": shufflenet,
    "squeezenet": squeezenet,
    "vit_base": vit_base,
    "vit_small": vit_small,
    "vit_small_d8": vit_small_d8,
}

SWITCHED: Mapping[str, Switched] = {  # those of MODELS that have switches
    "lightres": SWITCHED_LIGHTRES,
    "osnet_ain_x1_0": SWITCHED_OSNET_AIN,
    "osnet_x1_0": SWITCHED_OSNET,
    **SWITCHED_RESNETS,
    **SWITCHED_VITS,
}


def list_models() -> list[str]:
    """The names of crosscam's own models, sorted; `create_model` takes timm's too."""
    return sorted(MODELS)


def refuse_unknown_model(name: str) -> None:
    """Raise `ModelError` if `create_model` knows no model of this name, saying what it knows."""
    if is_timm_name(name):
        refuse_unknown_backbone(name)
        return
    plain = plain_name(name)
    if plain not in MODELS:
        raise ModelError(
            f"unknown model {plain!r}; known are {', '.join(list_models())}, "
            "and timm's backbones as timm/NAME"
        )
    if plain != name:
        _switches_of(name)


def build_model(
    name: str,
    *,
    num_classes: int,
    num_cameras: int = 0,
    pretrained: bool = False,
    head: Head | None = None,
) -> ReIDModel:
    """A model by name, in training mode, with weights drawn from torch's seed.

    `num_cameras` is how many cameras one that uses them can tell apart; others do not look at it.
    With `pretrained` a backbone of timm gets timm's own weights, which timm fetches. `head` stands
    in the place of its own end. Raises `ModelError` for an unknown name, which lists the known
    ones, and for a model that cannot have another end. What a user calls, and what starts from
    other weights, is `crosscam.create_model`.
    """
    if head is not None:
        _refuse_headless(name)
    refuse_unknown_model(name)
    if num_classes < 1:
        raise ModelError(f"a model tells at least 1 person apart, not {num_classes}")
    model: ReIDModel
    if is_timm_name(name):
        model = timm_model(name, num_classes, pretrained=pretrained, with_map=head is not None)
    elif plain_name(name) in SWITCHED:
        wanted = Wanted(num_classes, num_cameras, _switches_of(name))
        model = SWITCHED[plain_name(name)].make(wanted)
    else:
        model = MODELS[name](num_classes)
    if head is None:
        return model
    if not model.own_end:
        raise ModelError(f"{name} can have no end but its own; leave out [head], or a switch")
    return HeadedModel(model, head)


def outline_model(
    name: str, *, num_classes: int, num_cameras: int = 0, head: Head | None = None
) -> ReIDModel:
    """A model as `build_model` makes it, but without numbers: it takes no memory, to see shapes."""
    with torch.device("meta"), Undrawn():
        return build_model(name, num_classes=num_classes, num_cameras=num_cameras, head=head)


def _switches_of(name: str) -> dict[str, str]:
    """All switches of a model's name; `ModelError` for what it does not have."""
    plain = plain_name(name)
    if plain not in SWITCHED:
        able = ", ".join(sorted(SWITCHED)) or "none"
        raise ModelError(f"{name!r}: {plain} has no switches; models that have some: {able}")
    return parse_switches(name, SWITCHED[plain].known)


def _refuse_headless(name: str) -> None:
    """Raise `ModelError` if a model of this name can have no end but its own."""
    plain = plain_name(name)
    if plain not in MODELS:
        return
    kind: type[ReIDModel] = get_type_hints(MODELS[plain])["return"]
    if not kind.own_end:
        raise ModelError(f"{plain} can have no end but its own; leave out the head")
