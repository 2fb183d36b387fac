"""Pictures made small, as JPEG files in a folder, each once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from crosscam.data.images import read_image

SIZE = (64, 128)
PER_FOLDER = 500
_QUALITY = 85
_THREADS = 4
_ROUND = 64


def thumbnail_name(number: int) -> str:
    """The path of a thumbnail by its number, below the folder: 500 are in one sub-folder."""
    return f"{number // PER_FOLDER}/{number}.jpg"


def write_thumbnails(
    folder: Path, images: Sequence[Path], *, on_images: Callable[[int], None]
) -> int:
    """Write image i as thumbnail i below `folder`, which is there; returns the bytes written.

    A thumbnail is at most 64 pixels wide and 128 tall, keeps its picture's shape, and is never
    larger than it. Nothing but pixels is kept of the file. `on_images` is told how many more are
    done, and may raise to stop. Raises `DataError` for a picture that cannot be read.
    """
    for start in range(0, len(images), PER_FOLDER):
        (folder / thumbnail_name(start)).parent.mkdir(parents=True)

    def write(number: int) -> int:
        return _write(images[number], folder / thumbnail_name(number))

    written = 0
    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, len(images), _ROUND):  # so that stopping waits for few
            numbers = range(start, min(start + _ROUND, len(images)))
            written += sum(pool.map(write, numbers))
            on_images(len(numbers))
    return written


def _write(image: Path, thumbnail: Path) -> int:
    picture = read_image(image)
    picture.thumbnail(SIZE, Image.Resampling.BICUBIC)
    picture.save(thumbnail, "JPEG", quality=_QUALITY)
    return thumbnail.stat().st_size
