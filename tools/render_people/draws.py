"""Drawing by chance: generators by key, a choice by weights, a colour near another."""

import colorsys
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating[Any]]
Color = tuple[int, int, int]
Item = TypeVar("Item")

# The first number of a key after the seed: what is drawn from it.
HALVES, PERSON, CAMERA, PASSER_BY, VISITS, EXTRA, SITE = range(7)


def generator(*key: int) -> np.random.Generator:
    """The generator of a key: the same key gives the same draws, whatever was drawn before."""
    return np.random.default_rng(list(key))


def pick(rng: np.random.Generator, items: Sequence[Item], weights: Sequence[float] = ()) -> Item:
    """One of the items, with weights that need not add up to one."""
    share = np.array(weights, float) / np.sum(weights) if weights else None
    return items[int(rng.choice(len(items), p=share))]


def shade(
    rng: np.random.Generator,
    color: Color,
    hue: float = 0.012,
    saturation: float = 0.07,
    value: float = 0.06,
) -> Array:
    """A colour (three numbers of 0 to 255), slightly varied, as three numbers of 0 to 1."""
    h, s, v = colorsys.rgb_to_hsv(*(np.array(color) / 255))
    hue_now = (h + rng.normal(0, hue)) % 1
    saturation_now = float(np.clip(s + rng.normal(0, saturation) * min(1, s * 3), 0, 1))
    value_now = float(np.clip(v + rng.normal(0, value), 0.04, 0.97))
    return np.array(colorsys.hsv_to_rgb(hue_now, saturation_now, value_now))
