"""Reading one picture from disk, and making an RGB picture of every kind of picture."""

import os
import struct
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from crosscam.errors import DataError, InputError

BACKDROP = (128, 128, 128)
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(path: str | os.PathLike[str]) -> Image.Image:
    """The picture at `path`, fully decoded, as an upright RGB image by the rules of `to_rgb`.

    Of a file with several pictures, such as an animation, it is the first. Raises `DataError`,
    naming the file, if it is missing, cut short, no picture, or of a kind that `to_rgb` refuses.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return to_rgb(image)
    except FileNotFoundError:
        raise DataError(f"no such image: {Path(path)}") from None
    except PermissionError as error:
        raise DataError(f"cannot read image {Path(path)}: {error.strerror}") from None
    except InputError as error:
        raise DataError(f"cannot use image {Path(path)}: {error}") from None
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        struct.error,
        Image.DecompressionBombError,
    ) as error:
        raise DataError(f"broken image {Path(path)}: {error}; restore or remove the file") from None


def to_rgb(image: Image.Image) -> Image.Image:
    """A new RGB image of the same picture, 8 bits a channel, turned as its EXIF orientation says.

    * RGB keeps its pixels. Black-and-white and grey give three equal channels; palettes are looked
      up.
    * What is transparent, by an alpha channel or by a transparent colour, is laid over a plain
      grey of (128, 128, 128), near the mean that models take off.
    * CMYK gives (255 - C)(255 - K) / 255 and so on, 0 being no ink. All JPEGs of CMYK are taken to
      store ink inverted, as Adobe's do; Pillow undoes that.
    * Of 16 bits, grey or colour, the upper 8 are kept (value // 256), so that nothing is clipped;
      Pillow's mode I is taken as 16-bit grey.
    * Colour profiles are not applied, and an orientation that cannot be read counts as none.

    Raises `InputError` for pixels whose range is not known: floating-point numbers, and integers
    outside 0 to 65535.
    """
    rgb = _colours(_eight_bits(image))
    turn = _TURNS.get(_orientation(image))
    if turn is not None:
        rgb = rgb.transpose(turn)
    rgb.info = {}  # the orientation is done with, and must not be obeyed twice
    return rgb


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise InputError(
            "its pixels are floating-point numbers, whose range is not known; "
            "save it with 8 bits a channel"
        )
    if image.mode != "I" and not image.mode.startswith("I;16"):
        return image
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise InputError(
            f"its pixels go from {values.min()} to {values.max()}, which is more than 16 bits; "
            "save it with 8 bits a channel"
        )
    grey = Image.fromarray((values // 256).astype(np.uint8))
    transparent = image.info.get("transparency")
    if transparent is not None:
        grey.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8)))
    return grey


def _colours(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    front = image.convert("LA" if image.mode == "La" else "RGBA").convert("RGBA")
    behind = Image.new("RGBA", image.size, (*BACKDROP, 255))
    return Image.alpha_composite(behind, front).convert("RGB")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - a note that cannot be read says nothing, whatever broke it
        return 1
