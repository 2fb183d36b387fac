"""The ten random splits of data sets that were released without any.

Their figures are means over ten random splits, and every system draws its own. Ours are drawn by a
rule that anyone can follow, so that they are the same everywhere: things are put in the order of
the SHA-256 of "set/split/thing", as in "viper/3/12" or "ilids/0/0001001.jpg".
"""

import hashlib
from collections.abc import Iterable
from typing import TypeVar

SPLITS = 10
VARIANTS = tuple(map(str, range(SPLITS)))
AVERAGED = (
    "one of 10 random splits; published figures are means over 10, which other systems draw "
    "otherwise"
)
_Thing = TypeVar("_Thing", int, str)


def shuffled(things: Iterable[_Thing], *, name: str, split: int) -> list[_Thing]:
    """The things, people by number or images by name, in the order of a split of a data set."""
    return sorted(
        things, key=lambda thing: hashlib.sha256(f"{name}/{split}/{thing}".encode()).digest()
    )
