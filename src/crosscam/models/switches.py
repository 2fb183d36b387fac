"""What is chosen of an architecture, behind a colon of its name: "resnet50:last_stride=1,ibn=a".

So a recipe, a saved model and a command need no more than the name to make the network again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crosscam.errors import ModelError
from crosscam.models.base import ReIDModel


@dataclass(frozen=True)
class Wanted:
    """What a network is to be: its switches, all of them, and for how many people and cameras."""

    num_classes: int
    num_cameras: int
    switches: Mapping[str, str]


@dataclass(frozen=True)
class Switched:
    """An architecture that has switches.

    `known` are the values of each switch, of which the first is what it is left at.
    """

    make: Callable[[Wanted], ReIDModel]
    known: Mapping[str, tuple[str, ...]]


def plain_name(name: str) -> str:
    """The architecture's name without its switches: "resnet50" of "resnet50:last_stride=1"."""
    return name.partition(":")[0]


def parse_switches(name: str, known: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """All switches of a name such as "resnet50:last_stride=1"; `ModelError` for an unknown one."""
    plain, colon, text = name.partition(":")
    chosen: dict[str, str] = {}
    for choice in text.split(",") if colon else ():
        key, _, value = choice.partition("=")
        if key not in known or key in chosen or value not in known[key]:
            able = "; ".join(f"{one}={' or '.join(values)}" for one, values in known.items())
            raise ModelError(
                f"{name!r}: {choice!r} is no switch of {plain}, or one set twice; it has {able}"
            )
        chosen[key] = value
    return {key: values[0] for key, values in known.items()} | chosen
