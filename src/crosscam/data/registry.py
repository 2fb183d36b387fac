"""The data sets by name. A new one is a reader of its own and a line here."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crosscam.data.market1501 import load_market1501
from crosscam.data.people import load_people
from crosscam.errors import DataError
from crosscam.types import ReIDDataset


@dataclass(frozen=True)
class Reader:
    """How to read one data set: from a root, in one of its variants (none: it has only one)."""

    load: Callable[[str | os.PathLike[str], str | None], ReIDDataset]
    variants: tuple[str, ...] = ()
    needs_root: bool = True


READERS: Mapping[str, Reader] = {
    "market1501": Reader(lambda root, _: load_market1501(root)),
    "people": Reader(lambda _root, _: load_people(), needs_root=False),
}


def list_datasets() -> list[str]:
    """The names that `load_dataset` knows, sorted."""
    return sorted(READERS)


def load_dataset(
    name: str, root: str | os.PathLike[str] | None = None, *, variant: str | None = None
) -> ReIDDataset:
    """Read the data set `name` from the folder `root`; the built-in `people` need no root.

    Raises `DataError` for an unknown name or variant, which lists the known ones; for a root that
    is missing or not needed; and for whatever is missing, empty or misnamed below it.
    """
    if name not in READERS:
        raise DataError(f"unknown data set {name!r}; known are {', '.join(list_datasets())}")
    reader = READERS[name]
    if variant is not None and variant not in reader.variants:
        known = (
            f"its variants are {', '.join(reader.variants)}" if reader.variants else "it has none"
        )
        raise DataError(f"data set {name!r} has no variant {variant!r}; {known}")
    if reader.needs_root and root is None:
        raise DataError(f"data set {name!r} is not built in; say where it is with --root DIR")
    if not reader.needs_root and root is not None:
        raise DataError(f"data set {name!r} is built in; leave --root out")
    return reader.load("" if root is None else root, variant)
