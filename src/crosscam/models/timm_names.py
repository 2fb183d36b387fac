"""The names of timm's backbones: `timm/NAME`, and behind a colon what is chosen of one.

`timm/resnet50.a1_in1k:pool=gem,output_stride=16` says all that is needed to make the network again,
so a recipe, a saved model and a command need no more than the name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from crosscam.errors import ModelError

PREFIX = "timm/"
POOLS = ("avg", "max", "avgmax", "gem", "token")
OUTPUT_STRIDES = (8, 16, 32)

_CHOICES: Mapping[str, str] = {
    "pool": f"one of {', '.join(POOLS)}",
    "output_stride": f"one of {', '.join(str(stride) for stride in OUTPUT_STRIDES)}",
    "size": "HEIGHTxWIDTH in pixels, each of 32 to 4096, such as 256x128",
}


@dataclass(frozen=True)
class TimmName:
    """A backbone of timm, and what is chosen of it; None leaves a choice to timm.

    Attributes:
        architecture: timm's name, with the tag of its weights or without: "resnet50.a1_in1k".
        pool: one of `POOLS`, by which its last map, or its tokens, become a feature.
        output_stride: one of `OUTPUT_STRIDES`: how many pixels of the picture lie between two of
            the last map.
        size: (height, width) in pixels that it is made for.
    """

    architecture: str
    pool: str | None = None
    output_stride: int | None = None
    size: tuple[int, int] | None = None


def is_timm_name(name: str) -> bool:
    """Whether a model's name says that it is one of timm's."""
    return name.startswith(PREFIX)


def parse_timm_name(name: str) -> TimmName:
    """What a name such as "timm/resnet50:pool=gem" says; `ModelError` where it says nothing known.

    Whether timm has such an architecture is not looked at.
    """
    architecture, colon, choices = name.removeprefix(PREFIX).partition(":")
    if not architecture:
        raise ModelError(f"{name!r} names no backbone; give one of timm's, such as timm/resnet50")
    chosen: dict[str, str] = {}
    for choice in choices.split(",") if colon else ():
        key, _, value = choice.partition("=")
        if key not in _CHOICES or key in chosen:
            raise ModelError(
                f"{name!r}: {choice!r} is no choice, or one made twice; "
                "choose as in timm/resnet50:pool=gem,output_stride=16,size=256x128"
            )
        chosen[key] = value
    if chosen.get("pool", POOLS[0]) not in POOLS:
        raise _unusable(name, "pool", chosen["pool"])
    return TimmName(
        architecture, chosen.get("pool"), _output_stride(name, chosen), _size(name, chosen)
    )


def _output_stride(name: str, chosen: Mapping[str, str]) -> int | None:
    if "output_stride" not in chosen:
        return None
    known = {str(stride): stride for stride in OUTPUT_STRIDES}
    if chosen["output_stride"] not in known:
        raise _unusable(name, "output_stride", chosen["output_stride"])
    return known[chosen["output_stride"]]


def _size(name: str, chosen: Mapping[str, str]) -> tuple[int, int] | None:
    if "size" not in chosen:
        return None
    found = re.fullmatch(r"([0-9]{1,4})x([0-9]{1,4})", chosen["size"])
    height, width = (int(side) for side in found.groups()) if found else (0, 0)
    if not (32 <= height <= 4096 and 32 <= width <= 4096):
        raise _unusable(name, "size", chosen["size"])
    return height, width


def _unusable(name: str, key: str, value: str) -> ModelError:
    return ModelError(f"{name!r}: {key} is {_CHOICES[key]}, not {value!r}")
