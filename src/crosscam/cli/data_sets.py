"""The data sets that a command names: reading them, which root is whose, what tells them apart."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crosscam.cli.commands.options import DataOptions, ManyDataOptions, RunDataOptions
from crosscam.cli.watching import ConsoleWatcher
from crosscam.data.registry import Reader, find_reader
from crosscam.data.source import moved, open_source
from crosscam.errors import DataError
from crosscam.screen import shown
from crosscam.training.resuming import read_source
from crosscam.types import DataSource, ReIDDataset
from crosscam.weights.hub import is_hub
from crosscam.weights.published import WEIGHTS
from crosscam.weights.saved import WEIGHTS_FILE, read_card


def open_dataset(data: DataOptions, *, multi_query: bool = False) -> ReIDDataset:
    """The data set that the options name, without the images that are to be left out."""
    source = DataSource(data.name, data.root, data.pattern, data.table, data.exclude)
    with ConsoleWatcher() as watcher:
        return open_source(source, multi_query=multi_query, on_images=watcher.on_images)


def open_data_of(
    model: str | Path, data: RunDataOptions, *, multi_query: bool = False
) -> ReIDDataset:
    """The data set that the options name, or what `model` was trained on if they name none.

    A run knows where its data were; a root says where they have been moved to, and a pattern, a
    table or a list of images to leave out stand for the run's.
    """
    own = None if data.name else read_source(Path(model))
    if own is None:
        return open_dataset(data.of(data.name or _trained_on(model)), multi_query=multi_query)
    here = own if data.root is None else moved(own, data.root)
    asked = DataOptions(
        here.name,
        here.root,
        data.pattern or here.pattern,
        data.table or here.table,
        data.exclude or here.exclude,
    )
    return open_dataset(asked, multi_query=multi_query)


def _trained_on(model: str | Path) -> str:
    """What a saved or published model was trained on, without loading it."""
    path = Path(model)
    if is_hub(model):
        raise DataError(f"which data is {shown(model)} to be tested on? Name a data set: --data")
    if not path.exists() and str(model) in WEIGHTS:
        return WEIGHTS[str(model)].trained_on.name
    if path.is_file() and path.name != WEIGHTS_FILE:
        raise DataError(f"{shown(path)} does not say what it was trained on; give --data")
    return read_card(path).trained_on.data


def open_datasets(
    data: ManyDataOptions, model: str, *, multi_query: bool
) -> dict[str, ReIDDataset]:
    """The data sets that the options name, in their order, by what to call each.

    That is what `model` was trained on where they name none. One root serves all that need one,
    several serve them in turn. A pattern and a table are those of own pictures. Data sets of the
    same name are told apart by their roots. Raises `DataError` if roots and data sets do not fit
    each other, if one is named twice, and whatever reading raises.
    """
    names = data.names or ()
    if not names:
        if len(data.roots or ()) > 1:
            raise DataError("a model has one data set of its own; give one --root, or --data")
        root = data.roots[0] if data.roots else None
        own = RunDataOptions(None, root, data.pattern, data.table, data.exclude)
        dataset = open_data_of(model, own, multi_query=multi_query)
        return {dataset.name: dataset}
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
