"""AutoAugment and RandAugment: operations drawn from a policy, or at random.

AutoAugment (Cubuk et al., CVPR 2019, arXiv 1805.09501) has 25 pairs of operations found on
ImageNet, each with a probability and a level from 0 to 9. RandAugment (Cubuk et al., CVPR workshops
2020, arXiv 1909.13719) draws operations evenly and does all with one magnitude.

The ranges of the operations are those of the first paper. Levels are tenths of them, as in the code
by which the published re-identification recipes were trained: FastReID, after timm.
"""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageOps

from crosscam.data import operations

Operation = Callable[[Image.Image, float, int], Image.Image]

_SHEAR, _DEGREES, _ENHANCE = 0.3, 30.0, 0.9
_SHIFT = 0.45  # of the side; the paper has 150 pixels of ImageNet's 331
_LEVELS, _MAGNITUDES = 10, 30

# Each does an operation at a strength from 0 to 1, to the side that a sign of 1 or -1 says.
_POLICY_OPERATIONS: MappingProxyType[str, Operation] = MappingProxyType(
    {
        "shear x": lambda image, level, sign: operations.shear_x(image, sign * _SHEAR * level),
        "rotate": lambda image, level, sign: operations.rotate(image, sign * _DEGREES * level),
        "posterize": lambda image, level, _: operations.posterize(image, 4 + int(4 * level)),
        "solarize": lambda image, level, _: operations.solarize(image, int(256 * level)),
        "saturation": lambda image, level, _: operations.saturation(image, 0.1 + 1.8 * level),
        "contrast": lambda image, level, _: operations.contrast(image, 0.1 + 1.8 * level),
        "sharpness": lambda image, level, _: operations.sharpness(image, 0.1 + 1.8 * level),
        "autocontrast": lambda image, *_: ImageOps.autocontrast(image),
        "equalize": lambda image, *_: ImageOps.equalize(image),
        "invert": lambda image, *_: ImageOps.invert(image),
    }
)

IMAGENET_POLICY = (
    (("posterize", 0.4, 8), ("rotate", 0.6, 9)),
    (("solarize", 0.6, 5), ("autocontrast", 0.6, 5)),
    (("equalize", 0.8, 8), ("equalize", 0.6, 3)),
    (("posterize", 0.6, 7), ("posterize", 0.6, 6)),
    (("equalize", 0.4, 7), ("solarize", 0.2, 4)),
    (("equalize", 0.4, 4), ("rotate", 0.8, 8)),
    (("solarize", 0.6, 3), ("equalize", 0.6, 7)),
    (("posterize", 0.8, 5), ("equalize", 1.0, 2)),
    (("rotate", 0.2, 3), ("solarize", 0.6, 8)),
    (("equalize", 0.6, 8), ("posterize", 0.4, 6)),
    (("rotate", 0.8, 8), ("saturation", 0.4, 0)),
    (("rotate", 0.4, 9), ("equalize", 0.6, 2)),
    (("equalize", 0.0, 7), ("equalize", 0.8, 8)),
    (("invert", 0.6, 4), ("equalize", 1.0, 8)),
    (("saturation", 0.6, 4), ("contrast", 1.0, 8)),
    (("rotate", 0.8, 8), ("saturation", 1.0, 2)),
    (("saturation", 0.8, 8), ("solarize", 0.8, 7)),
    (("sharpness", 0.4, 7), ("invert", 0.6, 8)),
    (("shear x", 0.6, 5), ("equalize", 1.0, 9)),
    (("saturation", 0.4, 0), ("equalize", 0.6, 3)),
    (("equalize", 0.4, 7), ("solarize", 0.2, 4)),
    (("solarize", 0.6, 5), ("autocontrast", 0.6, 5)),
    (("invert", 0.6, 4), ("equalize", 1.0, 8)),
    (("saturation", 0.6, 4), ("contrast", 1.0, 8)),
    (("equalize", 0.8, 8), ("equalize", 0.6, 3)),
)

_RANDOM_OPERATIONS: tuple[Operation, ...] = (
    lambda image, *_: image,
    lambda image, level, sign: operations.shear_x(image, sign * _SHEAR * level),
    lambda image, level, sign: operations.shear_y(image, sign * _SHEAR * level),
    lambda image, level, sign: operations.translate_x(image, sign * _SHIFT * level),
    lambda image, level, sign: operations.translate_y(image, sign * _SHIFT * level),
    lambda image, level, sign: operations.rotate(image, sign * _DEGREES * level),
    lambda image, level, sign: operations.brightness(image, 1 + sign * _ENHANCE * level),
    lambda image, level, sign: operations.saturation(image, 1 + sign * _ENHANCE * level),
    lambda image, level, sign: operations.contrast(image, 1 + sign * _ENHANCE * level),
    lambda image, level, sign: operations.sharpness(image, 1 + sign * _ENHANCE * level),
    lambda image, level, _: operations.posterize(image, 8 - round(4 * level)),
    lambda image, level, _: operations.solarize(image, 256 - int(256 * level)),
    lambda image, *_: ImageOps.autocontrast(image),
    lambda image, *_: ImageOps.equalize(image),
)


def auto_augment(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """An RGB picture changed by one of the 25 pairs of AutoAugment's policy for ImageNet."""
    for name, probability, level in IMAGENET_POLICY[rng.integers(len(IMAGENET_POLICY))]:
        happens, sign = rng.random() < probability, _sign(rng)
        if happens:
            image = apply_policy(image, name, level, sign)
    return image


def apply_policy(image: Image.Image, name: str, level: int, sign: int) -> Image.Image:
    """One operation of the policy at a level from 0 to 9, to the side of the sign, 1 or -1."""
    return _POLICY_OPERATIONS[name](image, level / _LEVELS, sign)


def rand_augment(
    image: Image.Image, rng: np.random.Generator, *, number: int, magnitude: float
) -> Image.Image:
    """An RGB picture changed by `number` of 14 operations, with a magnitude from 0 to 30."""
    for _ in range(number):
        operation = _RANDOM_OPERATIONS[rng.integers(len(_RANDOM_OPERATIONS))]
        image = operation(image, magnitude / _MAGNITUDES, _sign(rng))
    return image


def _sign(rng: np.random.Generator) -> int:
    return 1 if rng.random() < 0.5 else -1
