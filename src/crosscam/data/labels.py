"""Own pictures with the names of the people and cameras in them, and numbers for those names."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

Split = Literal["train", "query", "gallery", "ignore"]

_NUMBER = re.compile(r"-1|[0-9]{1,18}")
_SHOWN = 6


class Picture(NamedTuple):
    """A picture on disk, as its name or a table describes it.

    `path` is where `file` lies below the root, with forward slashes; `pid` and `camid` are the
    names of the person and the camera, in digits or words; `split` is None where nothing says it.
    """

    file: Path
    path: str
    pid: str
    camid: str | None
    split: Split | None


def tidy(name: str) -> str:
    """A name as it is compared with others: in Unicode's composed form, without outer spaces."""
    return unicodedata.normalize("NFC", name).strip()


def number_names(names: Iterable[str]) -> dict[str, int]:
    """A number for every name, the same for any order of them.

    Digits (up to 18), and -1, keep their number, so that 007 and 7 are one. Words, sorted by code
    points, take the numbers after the largest of those, from 1 at least.
    """
    ordered = sorted(set(names))
    numbers = {name: int(name) for name in ordered if _NUMBER.fullmatch(name)}
    words = [name for name in ordered if name not in numbers]
    first = max(0, *numbers.values()) + 1 if numbers else 1
    return numbers | {name: first + place for place, name in enumerate(words)}


def describe_numbers(what: str, numbers: Mapping[str, int]) -> tuple[str, ...]:
    """Says, in one note, how words were numbered; nothing where all names were digits."""
    words = [
        f"{number} is {name}" for name, number in numbers.items() if not _NUMBER.fullmatch(name)
    ]
    if not words:
        return ()
    shown = words if len(words) <= _SHOWN else [*words[: _SHOWN - 1], "...", words[-1]]
    return (f"{what} were numbered in the order of their names: {', '.join(shown)}",)


def describe_merged(what: str, numbers: Mapping[str, int]) -> tuple[str, ...]:
    """Says, in one note, which names are the same number, as 1 and 001 are; nothing if none are."""
    names: dict[int, list[str]] = defaultdict(list)
    for name, number in sorted(numbers.items()):
        names[number].append(name)
    merged = [" and ".join(same) for same in names.values() if len(same) > 1]
    if not merged:
        return ()
    more = [f"{len(merged) - _SHOWN} more"] if len(merged) > _SHOWN else []
    shown = ", ".join([*merged[:_SHOWN], *more])
    note = f"{what} whose names are the same number are one: {shown}; rename them if they are not"
    return (note,)
