"""The data sets that a command names: reading them, which root is whose, what tells them apart."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crosscam.cli.commands.options import DataOptions, ManyDataOptions
from crosscam.cli.watching import ConsoleWatcher
from crosscam.data.registry import Reader, find_reader
from crosscam.data.source import open_source
from crosscam.errors import DataError
from crosscam.types import DataSource, ReIDDataset


def open_dataset(data: DataOptions, *, multi_query: bool = False) -> ReIDDataset:
    """The data set that the options name, without the images that are to be left out."""
    source = DataSource(data.name, data.root, data.pattern, data.table, data.exclude)
    with ConsoleWatcher() as watcher:
        return open_source(source, multi_query=multi_query, on_images=watcher.on_images)


def open_datasets(
    data: ManyDataOptions, *, trained_on: str, multi_query: bool
) -> dict[str, ReIDDataset]:
    """The data sets that the options name, in their order, by what to call each.

    That is `trained_on` where they name none. One root serves all that need one, several serve them
    in turn. A pattern and a table are those of own pictures. Data sets of the same name are told
    apart by their roots. Raises `DataError` if roots and data sets do not fit each other, if one is
    named twice, and whatever reading raises.
    """
    names = data.named(trained_on)
    readers = [_reader(name) for name in names]
    pairs = list(zip(names, _assign(readers, data.roots or ()), strict=True))
    for name, root in pairs:
        if pairs.count((name, root)) > 1:
            raise DataError(f"--data {name} is there twice; name it once, or give other roots")
    if data.exclude is not None and len(names) > 1:
        raise DataError("--exclude lists images of one data set; give one --data with it")
    any_own = any(reader.is_own for reader in readers)
    opened: dict[str, ReIDDataset] = {}
    for reader, (name, root) in zip(readers, pairs, strict=True):
        one = DataOptions(name, root, data.pattern, data.table, data.exclude)
        if any_own and not reader.is_own:
            one = replace(one, pattern=None, table=None)
        dataset = open_dataset(one, multi_query=multi_query)
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
