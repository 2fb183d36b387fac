"""Near duplicates, by a perceptual hash (dHash) and a thumbnail: 232 bytes a picture.

The hash is a difference hash: 8 x 16 bits, each saying whether a cell of the grey picture is
brighter than its left neighbour. It only proposes pairs; a 6 x 12 thumbnail in colour decides.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crosscam.types import Int64s

Bytes = NDArray[np.uint8]
HASH_BYTES = 16
THUMBNAIL = (6, 12)
THUMBNAIL_BYTES = THUMBNAIL[0] * THUMBNAIL[1] * 3
TOLERANCE = 0.12
PLAIN = 3.0
_BANDS = 8
_WINDOW = 64
_BLOCK = 4_000


class Look(NamedTuple):
    """A perceptual hash of 16 bytes and a 6 x 12 RGB thumbnail of 216 bytes, row by row."""

    hash: bytes
    thumbnail: bytes


def look_at(image: Image.Image) -> Look:
    """The hash and the thumbnail of an RGB picture of any size."""
    cells = image.convert("L").resize((9, 16), Image.Resampling.BOX)
    grey = np.asarray(cells, dtype=np.int16)
    brighter = np.packbits(grey[:, 1:] > grey[:, :-1])
    return Look(brighter.tobytes(), image.resize(THUMBNAIL, Image.Resampling.BOX).tobytes())


def find_near(hashes: Bytes, thumbnails: Bytes) -> list[list[int]]:
    """Groups of at least two pictures that look nearly the same, each sorted, by their first.

    `hashes` is (N, 16) uint8, `thumbnails` (N, 216) uint8. Two pictures look nearly the same if the
    root mean square of their thumbnails' difference is at most 0.12 of the lower one's contrast
    (its standard deviation, in levels). A picture with a contrast below 3 levels is too plain to
    tell, and is left out. Pairs are proposed by 8 bands of 16 bits of the hash, of which at least
    one is equal; each picture is compared with the next 64 of its band at most, in the order of
    the whole hash, so that time grows with N, not with its square.
    """
    contrast = _contrast(thumbnails)
    told = np.flatnonzero(contrast >= PLAIN)
    pairs: set[tuple[int, int]] = set()
    for first, second in _proposed(hashes[told]):
        one, other = told[first], told[second]
        difference = _root_mean_square(thumbnails, one, other)
        near = difference <= TOLERANCE * np.minimum(contrast[one], contrast[other])
        pairs.update(zip(one[near].tolist(), other[near].tolist(), strict=True))
    return _join(pairs)


def _contrast(thumbnails: Bytes) -> NDArray[np.float32]:
    contrast = np.zeros(len(thumbnails), dtype=np.float32)
    for start in range(0, len(thumbnails), _BLOCK):
        block = thumbnails[start : start + _BLOCK].astype(np.float32)
        contrast[start : start + _BLOCK] = block.std(axis=1)
    return contrast


def _proposed(hashes: Bytes) -> Iterable[tuple[Int64s, Int64s]]:
    """Candidate pairs: positions whose hashes have an equal band, in blocks."""
    bits = np.unpackbits(hashes, axis=1)
    spread = (np.arange(8 * HASH_BYTES) * 37 % (8 * HASH_BYTES)).reshape(_BANDS, -1)
    whole = np.ascontiguousarray(hashes).view(np.uint64)
    for places in spread:
        band = np.ascontiguousarray(np.packbits(bits[:, places], axis=1)).view(np.uint16)[:, 0]
        order = np.lexsort((whole[:, 1], whole[:, 0], band))
        band = band[order]
        for step in range(1, min(_WINDOW + 1, len(order))):
            equal = np.flatnonzero(band[step:] == band[:-step])
            if not len(equal):
                break
            for start in range(0, len(equal), _BLOCK):
                place = equal[start : start + _BLOCK]
                yield order[place], order[place + step]


def _root_mean_square(thumbnails: Bytes, one: Int64s, other: Int64s) -> NDArray[np.float32]:
    difference = thumbnails[one].astype(np.float32) - thumbnails[other]
    mean: NDArray[np.float32] = np.square(difference).mean(axis=1)
    return np.sqrt(mean)


def _join(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The connected components of the pairs."""
    leader: dict[int, int] = {}

    def lead(one: int) -> int:
        while leader.setdefault(one, one) != one:
            leader[one] = leader[leader[one]]
            one = leader[one]
        return one

    for one, other in pairs:
        first, second = sorted((lead(one), lead(other)))
        leader[second] = first
    groups: dict[int, list[int]] = {}
    for one in sorted(leader):
        groups.setdefault(lead(one), []).append(one)
    return list(groups.values())
