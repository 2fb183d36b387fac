"""Reading one picture from disk."""

import os
from pathlib import Path

from PIL import Image

from crosscam.errors import DataError


def read_image(path: str | os.PathLike[str]) -> Image.Image:
    """The picture at `path` as an RGB image, fully decoded.

    Raises `DataError`, naming the file, if it is missing, cut short or no picture.
    """
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except FileNotFoundError:
        raise DataError(f"no such image: {Path(path)}") from None
    except PermissionError as error:
        raise DataError(f"cannot read image {Path(path)}: {error.strerror}") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"broken image {Path(path)}: {error}; restore or remove the file") from None
