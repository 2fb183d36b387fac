"""The random changes of a training picture, one after another.

Every random choice is drawn from a generator that the caller gives; nothing here keeps a state. A
change that is switched off draws nothing, so that it moves no draw of another; the crop and the
flip always draw.
"""

from collections.abc import Callable
from types import MappingProxyType

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor

from crosscam.data.auto_augment import auto_augment, rand_augment
from crosscam.data.colours import change_colours, take_colours
from crosscam.data.degrading import blur, compress, lower_resolution
from crosscam.data.erasing import erase, put_patch
from crosscam.data.transforms import Preprocess
from crosscam.errors import InputError
from crosscam.settings.images import Augmentation

Another = Callable[[np.random.Generator], Image.Image]

_FILTERS = MappingProxyType(
    {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}
)


def augment(
    image: Image.Image,
    preprocess: Preprocess,
    augmentation: Augmentation,
    rng: np.random.Generator,
    *,
    colour_rng: np.random.Generator | None = None,
    another: Another | None = None,
) -> Tensor:
    """A randomly changed RGB image as a (3, height, width) float32 tensor.

    colour_rng: draws the changes of colours, if they are not drawn like all others.
    another: gives another RGB picture, which it chooses by a generator; patches are cut from it.
        Raises `InputError` where patches are wanted without it.
    """
    image = _change_as_read(image, augmentation, rng)
    image = _place(image, preprocess, augmentation, rng)
    if augmentation.patch and rng.random() < augmentation.patch:
        if another is None:
            raise InputError("augment.patch needs other pictures to cut patches from")
        image = put_patch(image, another(rng), rng)
    image = _recolour(image, augmentation, rng if colour_rng is None else colour_rng)
    image = _degrade(image, augmentation, rng)
    tensor = preprocess.normalise(image)
    if augmentation.erase and rng.random() < augmentation.erase:
        erase(tensor, preprocess, augmentation.erasing, rng)
    return tensor


def _change_as_read(
    image: Image.Image, augmentation: Augmentation, rng: np.random.Generator
) -> Image.Image:
    """By a policy, at the picture's own size, which is where FastReID has it."""
    if augmentation.auto_augment and rng.random() < augmentation.auto_augment:
        image = auto_augment(image, rng)
    if augmentation.rand_augment and rng.random() < augmentation.rand_augment:
        rand = augmentation.rand
        image = rand_augment(image, rng, number=rand.number, magnitude=rand.magnitude)
    return image


def _place(
    image: Image.Image,
    preprocess: Preprocess,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> Image.Image:
    """At the model's size."""
    if rng.random() < augmentation.enlarge_crop:
        image = _enlarge_and_crop(image, preprocess, augmentation, rng)
    else:
        size = (preprocess.width, preprocess.height)
        image = image.resize(size, _FILTERS[augmentation.resize])
    if rng.random() < augmentation.flip:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if augmentation.pad_crop:
        image = _pad_and_crop(image, augmentation.pad_crop, rng)
    if augmentation.rotate:
        degrees = rng.uniform(-augmentation.rotate, augmentation.rotate)
        image = image.rotate(degrees)  # by the nearest pixel, as QAConv's, in a tenth of the time
    return image


def _enlarge_and_crop(
    image: Image.Image,
    preprocess: Preprocess,
    augmentation: Augmentation,
    rng: np.random.Generator,
) -> Image.Image:
    width, height, factor = preprocess.width, preprocess.height, augmentation.enlarge_by
    larger = (round(width * factor), round(height * factor))
    image = image.resize(larger, _FILTERS[augmentation.resize])
    left = round(rng.uniform(0, larger[0] - width))
    top = round(rng.uniform(0, larger[1] - height))
    return image.crop((left, top, left + width, top + height))


def _pad_and_crop(image: Image.Image, pixels: int, rng: np.random.Generator) -> Image.Image:
    width, height = image.size
    left, top = (int(offset) for offset in rng.integers(0, 2 * pixels + 1, size=2))
    return ImageOps.expand(image, pixels).crop((left, top, left + width, top + height))


def _recolour(
    image: Image.Image, augmentation: Augmentation, rng: np.random.Generator
) -> Image.Image:
    image = change_colours(image, augmentation.colour, augmentation.colours, rng)
    if augmentation.grey and rng.random() < augmentation.grey:
        image = take_colours(image)
    return image


def _degrade(
    image: Image.Image, augmentation: Augmentation, rng: np.random.Generator
) -> Image.Image:
    if augmentation.blur and rng.random() < augmentation.blur:
        image = blur(image, augmentation.degrading, rng)
    if augmentation.low_resolution and rng.random() < augmentation.low_resolution:
        image = lower_resolution(image, augmentation.degrading, rng)
    if augmentation.jpeg and rng.random() < augmentation.jpeg:
        image = compress(image, augmentation.degrading, rng)
    return image
