"""Making a model by name, with the weights that it is asked to start from."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from crosscam.errors import ModelError
from crosscam.models.base import ReIDModel
from crosscam.models.registry import build_model
from crosscam.models.timm_names import is_timm_name
from crosscam.settings.faults import explain_faults
from crosscam.settings.head import Head
from crosscam.weights.downloads import OnBytes
from crosscam.weights.start import start_from


def create_model(
    name: str,
    *,
    num_classes: int,
    num_cameras: int = 0,
    weights: str | os.PathLike[str] | None = None,
    head: Head | Mapping[str, Any] | None = None,
    on_bytes: OnBytes | None = None,
    on_note: Callable[[str], None] | None = None,
) -> ReIDModel:
    """A model by name, in training mode, with classifiers for `num_classes` people.

    `name` is one of `list_models`, with switches behind a colon where it has some, as in
    "vit_base:patch_stride=12", or "timm/" and the name of one of timm's backbones, with choices
    behind a colon: "timm/resnet50:pool=gem,output_stride=16"; see `crosscam.models.timm_names`.

    `num_cameras` is how many cameras a model that uses them learns; it takes them as 0, 1 and so on
    until `model.cameras.tell` says which they are.

    `weights` is None (or "none") for a random start drawn from torch's seed; "imagenet" for
    torchvision's first ImageNet weights, as is their name there, "IMAGENET1K_V1", or that of their
    file; or the path, or the http, https or file URL, of such a file, or of one that `load_weights`
    reads. What has to be fetched is kept in torch's cache, to be fetched once, and `on_bytes` is
    told how many bytes are here, and of how many if that is known. For a backbone of timm
    "imagenet" is timm's own weights, on whatever data the tag in its name says; timm fetches them.
    `on_note` is told what was done to the names of a file to read it.

    `head` stands in the place of the model's own end, which is then left out of `weights`, too; it
    starts at random, unless they are those of a model with such a head. It is what a recipe's
    `[head]` can be: `{"pool": "gem", "classifier": "circle"}`; see `crosscam.settings.head.Head`.

    Raises `ModelError` for an unknown name, which lists the known ones, for a head that cannot be,
    and for a model that can have none; `WeightsError` where the weights cannot be had: it never
    starts at random instead.
    """
    wanted = _head_of(head) if isinstance(head, Mapping) else head
    timm_starts_it = is_timm_name(name) and weights == "imagenet"
    model = build_model(
        name,
        num_classes=num_classes,
        num_cameras=num_cameras,
        pretrained=timm_starts_it,
        head=wanted,
    )
    if weights not in (None, "none") and not timm_starts_it:
        loaded = start_from(model, name, weights, on_bytes=on_bytes)
        for note in loaded.notes:
            if on_note is not None:
                on_note(f"{weights}: {note}")
    return model


def _head_of(settings: Mapping[str, Any]) -> Head:
    try:
        return Head.model_validate(settings)
    except ValidationError as error:
        raise ModelError(f"head: {explain_faults(error, Head)}") from None
