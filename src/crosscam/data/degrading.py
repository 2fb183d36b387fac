"""What poor cameras do to a picture: blur, a low resolution, and compression."""

import io

import numpy as np
from PIL import Image, ImageFilter

from crosscam.data.images import read_image_bytes
from crosscam.settings.augmenting import Degrading


def blur(image: Image.Image, degrading: Degrading, rng: np.random.Generator) -> Image.Image:
    """An RGB picture with a Gaussian blur; Pillow's, which is made of boxes."""
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(*degrading.sigma)))


def lower_resolution(
    image: Image.Image, degrading: Degrading, rng: np.random.Generator
) -> Image.Image:
    """An RGB picture reduced, and enlarged again to its size."""
    shrink = rng.uniform(*degrading.shrink)
    smaller = (max(1, round(image.width / shrink)), max(1, round(image.height / shrink)))
    reduced = image.resize(smaller, Image.Resampling.BILINEAR)
    return reduced.resize(image.size, Image.Resampling.BILINEAR)


def compress(image: Image.Image, degrading: Degrading, rng: np.random.Generator) -> Image.Image:
    """An RGB picture as it comes back from a file of JPEG."""
    least, most = degrading.quality
    file = io.BytesIO()
    image.save(file, "JPEG", quality=int(rng.integers(least, most + 1)))
    return read_image_bytes(file.getvalue(), "a picture that was compressed")
