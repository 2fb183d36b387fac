"""Reading one picture from disk, and making an RGB picture of every kind of picture.

All files of pictures are opened here. Only the formats in `FORMATS` are: others that Pillow knows
may start a program, as EPS does, or are no kind that cameras write.
"""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from crosscam.errors import DataError, InputError
from crosscam.files import open_plain, quoted

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp"),
    *(".tif", ".tiff", ".gif", ".avif"),
)
UNREAD_SUFFIXES = (
    *(".heic", ".heif", ".hif", ".jxl", ".jp2", ".dng", ".arw", ".cr2", ".cr3", ".nef", ".orf"),
    *(".raf", ".rw2", ".ppm", ".tga", ".psd"),
)
SHORTEST_SIDE, MOST_ELONGATED = 2, 50
BACKDROP = (128, 128, 128)
_MOST_MEGAPIXELS = 178  # Pillow opens no file with more
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@contextmanager
def open_image(path: str | os.PathLike[str]) -> Iterator[Image.Image]:
    """The picture at `path` with its size known and its pixels not yet decoded, open while entered.

    What the file holds decides, not its name. Raises `OSError` for what is no plain file or in none
    of `FORMATS`, and whatever Pillow raises for a broken one.
    """
    with open_plain(path) as file, _opened(file) as image:
        yield image


def read_image(path: str | os.PathLike[str]) -> Image.Image:
    """The picture at `path`, fully decoded, as an upright RGB image by the rules of `to_rgb`.

    Of a file with several pictures, such as an animation, it is the first. Raises `DataError`,
    naming the file, if it is missing, cut short, no plain file, in none of `FORMATS`, of more
    pixels than Pillow's limit, or of a kind or shape that `to_rgb` refuses.
    """
    with _faults_named(quoted(path)), open_image(path) as image:
        image.load()
        return to_rgb(image)


def read_image_bytes(content: bytes, name: str) -> Image.Image:
    """The picture in the bytes of a file, as `read_image` gives it; errors call it `name`."""
    with _faults_named(quoted(name)), _opened(io.BytesIO(content)) as image:
        image.load()
        return to_rgb(image)


@contextmanager
def _opened(file: IO[bytes]) -> Iterator[Image.Image]:
    try:
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        raise UnidentifiedImageError(f"it is in none of {', '.join(FORMATS)}") from None
    with image:
        yield image


@contextmanager
def _faults_named(name: str) -> Iterator[None]:
    """Whatever goes wrong while a picture is read, as a `DataError` that names it."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"no such image: {name}") from None
    except PermissionError as error:
        raise DataError(f"cannot read image {name}: {error.strerror}") from None
    except InputError as error:
        raise DataError(f"cannot use image {name}: {error}") from None
    except Image.DecompressionBombError:
        raise DataError(
            f"cannot use image {name}: it has more than {_MOST_MEGAPIXELS} million pixels, "
            "so it is not opened; cut it, or save it smaller"
        ) from None
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a decoder makes of a broken file
        words = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DataError(f"broken image {name}: {words}; restore or remove the file") from None


def shape_fault(width: int, height: int) -> str | None:
    """Why a picture of so many pixels shows nobody; None if it may show somebody.

    Each side has 2 pixels at least, and the longer is at most 50 times the shorter.
    """
    if min(width, height) < 1:
        return f"it has no pixels: {width} x {height}"
    if min(width, height) < SHORTEST_SIDE:
        return f"it is {width} x {height} pixels; each side must have {SHORTEST_SIDE} at least"
    if max(width, height) > MOST_ELONGATED * min(width, height):
        return (
            f"it is {width} x {height} pixels; the longer side may be {MOST_ELONGATED} times the "
            "shorter at most"
        )
    return None


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
    outside 0 to 65535; and for a size in which nobody can be seen, see `shape_fault`.
    """
    fault = shape_fault(*image.size)
    if fault is not None:
        raise InputError(fault)
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
