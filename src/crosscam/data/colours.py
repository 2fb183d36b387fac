"""Random changes of a picture's colours: brightness, contrast, saturation, hue, and none at all."""

import numpy as np
from PIL import Image

from crosscam.data import operations
from crosscam.settings.augmenting import Colours

_SCALED = (operations.brightness, operations.contrast, operations.saturation)


def change_colours(
    image: Image.Image, amount: float, colours: Colours, rng: np.random.Generator
) -> Image.Image:
    """An RGB picture of other colours, changed in the order that stands above.

    `amount` is how far what `colours` does not name is scaled: by 1 - amount to 1 + amount. Nothing
    is drawn if nothing can change.
    """
    named = (colours.brightness, colours.contrast, colours.saturation)
    if not amount and not colours.hue and not any(named):
        return image
    if colours.probability < 1 and rng.random() >= colours.probability:
        return image
    scales = [(1 - amount, 1 + amount) if bounds is None else bounds for bounds in named]
    factors = rng.uniform(*np.transpose(scales))
    for operation, factor in zip(_SCALED, factors, strict=True):
        image = image if factor == 1 else operation(image, factor)
    if colours.hue:
        image = operations.hue(image, rng.uniform(-colours.hue, colours.hue))
    return image


def take_colours(image: Image.Image) -> Image.Image:
    """The same picture in grey, as RGB."""
    return image.convert("L").convert("RGB")
