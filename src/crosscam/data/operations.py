"""The operations on RGB pictures that AutoAugment and RandAugment are made of.

Each gives an RGB picture of the same size. What is moved in from outside is grey, as their authors
have it; a colour's levels are changed by Pillow.
"""

from PIL import Image, ImageEnhance, ImageOps

_OUTSIDE = (128, 128, 128)
_BRIGHTEST = 255


def shear_x(image: Image.Image, factor: float) -> Image.Image:
    """Each row moved left by `factor` of its distance from the top."""
    return _affine(image, (1, factor, 0, 0, 1, 0))


def shear_y(image: Image.Image, factor: float) -> Image.Image:
    """Each column moved up by `factor` of its distance from the left."""
    return _affine(image, (1, 0, 0, factor, 1, 0))


def translate_x(image: Image.Image, share: float) -> Image.Image:
    """Moved left by a share of the width."""
    return _affine(image, (1, 0, share * image.width, 0, 1, 0))


def translate_y(image: Image.Image, share: float) -> Image.Image:
    """Moved up by a share of the height."""
    return _affine(image, (1, 0, 0, 0, 1, share * image.height))


def rotate(image: Image.Image, degrees: float) -> Image.Image:
    """Turned about its middle, against the clock."""
    return image.rotate(degrees, Image.Resampling.BILINEAR, fillcolor=_OUTSIDE)


def posterize(image: Image.Image, bits: int) -> Image.Image:
    """With the first `bits` bits of each level alone, 1 to 8."""
    return ImageOps.posterize(image, bits)


def solarize(image: Image.Image, threshold: int) -> Image.Image:
    """With all levels from the threshold on turned round."""
    return ImageOps.solarize(image, threshold)


def brightness(image: Image.Image, factor: float) -> Image.Image:
    """Blended with black: 0 is black, 1 the picture."""
    return ImageEnhance.Brightness(image).enhance(factor)


def contrast(image: Image.Image, factor: float) -> Image.Image:
    """Blended with its mean grey."""
    return ImageEnhance.Contrast(image).enhance(factor)


def saturation(image: Image.Image, factor: float) -> Image.Image:
    """Blended with itself without colour."""
    return ImageEnhance.Color(image).enhance(factor)


def sharpness(image: Image.Image, factor: float) -> Image.Image:
    """Blended with itself smoothed."""
    return ImageEnhance.Sharpness(image).enhance(factor)


def hue(image: Image.Image, turns: float) -> Image.Image:
    """With all hues turned by so many turns of the colour circle, in 255 steps."""
    hues, saturations, values = image.convert("HSV").split()
    shift = int(turns * _BRIGHTEST)
    turned = hues.point([(level + shift) % 256 for level in range(256)])
    return Image.merge("HSV", (turned, saturations, values)).convert("RGB")


def _affine(
    image: Image.Image, matrix: tuple[float, float, float, float, float, float]
) -> Image.Image:
    return image.transform(
        image.size,
        Image.Transform.AFFINE,
        matrix,
        Image.Resampling.BILINEAR,
        fillcolor=_OUTSIDE,
    )
