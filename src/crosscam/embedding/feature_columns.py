"""What files of features have in common: the names of their columns, and how far one is trusted."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crosscam.errors import DataError

SPELLINGS: Mapping[str, tuple[str, str]] = {
    "features": ("feature", "features"),
    "pids": ("pid", "pids"),
    "camids": ("camid", "camids"),
    "paths": ("path", "paths"),
}
Values = NDArray[Any] | list[Any]  # a list where some values are None, or all are words

_LARGE = 1 << 30
_MOST_PACKED = 200  # times; features that were computed hardly get smaller by packing


class Columns(NamedTuple):
    """The columns of a file as they lie in it, those that are there, and its card as JSON."""

    features: NDArray[np.float32]
    labels: Mapping[str, Values]
    card: str | bytes | None


def find_columns(names: Iterable[str], file: str) -> dict[str, str]:
    """What each column that is read is called in a file. Raises `DataError` without features."""
    there = list(names)
    found: dict[str, str] = {}
    for column, spellings in SPELLINGS.items():
        spelt = [name for name in there if name in spellings]
        if len(spelt) > 1:
            raise DataError(f"{file} has {' and '.join(spelt)}; leave one of the two out")
        if spelt:
            found[column] = spelt[0]
    if "features" not in found:
        some = ", ".join(repr(name)[:40] for name in there[:8]) or "nothing"
        raise DataError(f"{file} has neither feature nor features; it has {some}")
    return found


def refuse_bomb(stated: int, size: int, file: str) -> None:
    """Raise `DataError` if a file of `size` bytes claims far more than features could be packed."""
    if stated > _LARGE and stated > _MOST_PACKED * size:
        raise DataError(
            f"{file} has {size:,} bytes and would need {stated:,} bytes of memory, which no "
            "features do; make it again"
        )
