"""Several data sets in one command: which root is whose, and what tells them apart."""

from collections.abc import Sequence
from pathlib import Path

from crosscam.cli.options import open_dataset
from crosscam.data.registry import Reader, find_reader
from crosscam.errors import DataError
from crosscam.types import ReIDDataset


def open_datasets(
    names: Sequence[str],
    roots: Sequence[Path],
    *,
    pattern: str | None,
    table: Path | None,
    exclude: Path | None,
    multi_query: bool,
) -> dict[str, ReIDDataset]:
    """The data sets of `--data NAME[:VARIANT]`, in their order, by what to call each.

    One root serves all that need one, several serve them in turn. A pattern and a table are those
    of own pictures. Data sets of the same name are told apart by their roots. Raises `DataError` if
    roots and data sets do not fit each other, if one is named twice, and whatever reading raises.
    """
    readers = [_reader(name) for name in names]
    pairs = list(zip(names, _assign(readers, roots), strict=True))
    for name, root in pairs:
        if pairs.count((name, root)) > 1:
            raise DataError(f"--data {name} is there twice; name it once, or give other roots")
    if exclude is not None and len(names) > 1:
        raise DataError("--exclude lists images of one data set; give one --data with it")
    any_own = any(reader.is_own for reader in readers)
    opened: dict[str, ReIDDataset] = {}
    for reader, (name, root) in zip(readers, pairs, strict=True):
        takes_labels = reader.is_own or not any_own
        dataset = open_dataset(
            name,
            root,
            pattern=pattern if takes_labels else None,
            table=table if takes_labels else None,
            exclude=exclude,
            multi_query=multi_query,
        )
        others = [other for other, _ in pairs if other == name]
        opened[f"{dataset.name} in {root}" if len(others) > 1 else dataset.name] = dataset
    return opened


def _reader(name: str) -> Reader:
    return find_reader(name.partition(":")[0])


def _assign(readers: Sequence[Reader], roots: Sequence[Path]) -> list[Path | None]:
    """A root for each data set, None for those that get none."""
    if len(readers) == 1 and len(roots) <= 1:
        return [roots[0] if roots else None]
    needing = sum(reader.needs_root for reader in readers)
    if len(roots) not in (0, 1, needing) or (roots and not needing):
        raise DataError(
            f"there are {len(roots)} --root for {needing} data sets that need one; give one for "
            "all of them, or one for each in the order of --data"
        )
    left = iter(roots if len(roots) == needing else list(roots) * needing)
    return [next(left, None) if reader.needs_root else None for reader in readers]
