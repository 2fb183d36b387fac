"""Opening every image of a data set, and keeping of each no more than a small record."""

import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosscam.checking.faults import MOST_PIXELS
from crosscam.checking.look import HASH_BYTES, THUMBNAIL_BYTES, Bytes, Look, look_at
from crosscam.data.images import open_image, read_image
from crosscam.errors import DataError
from crosscam.files import open_plain, quoted
from crosscam.processes import map_in_order

_CHUNK = 32
_DIGEST_BYTES = 16


class Trouble(NamedTuple):
    """Why an image cannot be used: a kind of fault, and words."""

    kind: str
    words: str


class _Seen(NamedTuple):
    size: tuple[int, int]
    digest: bytes
    look: Look


@dataclass(frozen=True, eq=False)
class Scan:
    """What was seen of N images, in their order.

    `sizes` (N, 2) int64 are widths and heights in pixels, `digests` (N, 16) uint8 are BLAKE2b of
    the files' bytes, `hashes` and `thumbnails` are what `look.find_near` takes; all are 0 for the
    images in `troubles`, by their position.
    """

    sizes: NDArray[np.int64]
    digests: Bytes
    hashes: Bytes
    thumbnails: Bytes
    troubles: dict[int, Trouble]


def scan_images(
    paths: Sequence[Path], *, jobs: int, on_images: Callable[[int], None] | None = None
) -> Scan:
    """Open every image, in `jobs` processes; files are only read, and none stops the others.

    `on_images` is called with the number of images done since the last call. The result does not
    depend on `jobs`. Raises `DataError` if the system ended a process.
    """
    count = len(paths)
    scan = Scan(
        sizes=np.zeros((count, 2), dtype=np.int64),
        digests=np.zeros((count, _DIGEST_BYTES), dtype=np.uint8),
        hashes=np.zeros((count, HASH_BYTES), dtype=np.uint8),
        thumbnails=np.zeros((count, THUMBNAIL_BYTES), dtype=np.uint8),
        troubles={},
    )
    chunks = [paths[start : start + _CHUNK] for start in range(0, count, _CHUNK)]
    position = 0
    answers = map_in_order(
        _look_at_all,
        chunks,
        processes=jobs if min(jobs, len(chunks)) > 1 else 0,
        what="opens images",
        advice="use fewer --jobs",
    )
    with closing(answers):
        for answer in answers:
            for seen in answer:
                _note(scan, position, seen)
                position += 1
            if on_images is not None:
                on_images(len(answer))
    return scan


def _note(scan: Scan, position: int, seen: _Seen | Trouble) -> None:
    if isinstance(seen, Trouble):
        scan.troubles[position] = seen
        return
    scan.sizes[position] = seen.size
    scan.digests[position] = np.frombuffer(seen.digest, dtype=np.uint8)
    scan.hashes[position] = np.frombuffer(seen.look.hash, dtype=np.uint8)
    scan.thumbnails[position] = np.frombuffer(seen.look.thumbnail, dtype=np.uint8)


def _look_at_all(paths: Sequence[Path]) -> list[_Seen | Trouble]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [_look_at_one(path) for path in paths]


def _look_at_one(path: Path) -> _Seen | Trouble:
    try:
        return _open(path)
    except (DataError, OSError) as error:
        return Trouble("corrupt", _reason(error, path))
    except Image.DecompressionBombError:
        return Trouble("huge", "so many pixels that it is not opened")
    except Exception as error:  # noqa: BLE001 - whatever a decoder makes of a broken file
        return Trouble("corrupt", f"{type(error).__name__}: {error}")


def _reason(error: Exception, path: Path) -> str:
    """What a message says is wrong, without the path and the advice around it."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    before, _, after = str(error).partition(f"{quoted(path)}: ")
    return (after or before).removesuffix("; restore or remove the file")


def _open(path: Path) -> _Seen | Trouble:
    with open_plain(path) as file:
        if not os.fstat(file.fileno()).st_size:
            return Trouble("empty", "0 bytes")
        digest = hashlib.file_digest(file, partial(hashlib.blake2b, digest_size=_DIGEST_BYTES))
    with open_image(path) as image:
        width, height = image.size
    if width * height > MOST_PIXELS:
        return Trouble("huge", f"{width:,} x {height:,} pixels")
    picture = read_image(path)
    return _Seen(picture.size, digest.digest(), look_at(picture))
