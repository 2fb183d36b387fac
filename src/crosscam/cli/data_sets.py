"""The data sets that a command names: reading them, which root is whose, what tells them apart."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crosscam.cli.commands.options import (
    DataOptions,
    ManyDataOptions,
    RunDataOptions,
    TrainDataOptions,
)
from crosscam.cli.watching import ConsoleWatcher
from crosscam.data.joining import DataSets, gather
from crosscam.data.registry import Reader, find_reader
from crosscam.data.source import Sources, assign_roots, moved_all, open_source, open_sources
from crosscam.errors import DataError
from crosscam.screen import shown
from crosscam.training.resuming import read_sources
from crosscam.types import DataSource, ReIDDataset
from crosscam.weights.hub import is_hub
from crosscam.weights.published import WEIGHTS
from crosscam.weights.saved import WEIGHTS_FILE, read_card


def open_dataset(data: DataOptions, *, multi_query: bool = False) -> ReIDDataset:
    """The data set that the options name, without the images that are to be left out."""
    source = DataSource(data.name, data.root, data.pattern, data.table, data.exclude)
    with ConsoleWatcher() as watcher:
        return open_source(source, multi_query=multi_query, on_images=watcher.on_images)


def open_for_training(data: TrainDataOptions, *, multi_query: bool = False) -> DataSets:
    """The data sets that the options name, to train on as one, and to test on alone.

    Roots are shared out as in `open_datasets`, to those of --data and then to those of --test.
    """
    many = ManyDataOptions(
        [*data.names, *(data.only_tested or ())], data.roots, data.pattern, data.table, data.exclude
    )
    opened = [open_dataset(one, multi_query=multi_query) for one in _options_of_each(many)]
    return gather(opened[: len(data.names)], opened[len(data.names) :])


def open_data_of(
    model: str | Path, data: RunDataOptions, *, multi_query: bool = False
) -> ReIDDataset:
    """The data set that the options name, or what `model` was trained on if they name none.

    A run knows where its data were; a root says where they have been moved to, and a pattern, a
    table or a list of images to leave out stand for the run's. Of a run on several it is the one
    of that name, or else the first that has a test.
    """
    sources = _named_source(model, data) or _own_sources(model, data)
    if sources is None:
        assert data.name is not None
        return open_dataset(data.of(data.name), multi_query=multi_query)
    for source in sources.all:
        dataset = _open(source, multi_query=multi_query)
        if dataset.query:
            break
    return dataset


def open_training_data_of(model: str | Path, data: RunDataOptions) -> ReIDDataset:
    """As `open_data_of`, but of a run on several all that it was trained on, as one."""
    sources = _named_source(model, data) or _own_sources(model, data)
    if sources is None:
        return open_data_of(model, data)
    with ConsoleWatcher() as watcher:
        trained_on = Sources(sources.trained_on)
        return open_sources(trained_on, on_images=watcher.on_images).together


def open_datasets(
    data: ManyDataOptions, model: str, *, multi_query: bool
) -> dict[str, ReIDDataset]:
    """The data sets that the options name, in their order, by what to call each.

    Those of `model`'s run where they name none: what it was trained on, and what it was tested on
    besides. One root serves all that need one, several serve them in turn. A pattern and a table
    are those of own pictures. Data sets of the same name are told apart by their roots. Raises
    `DataError` if roots and data sets do not fit each other, if one is named twice, and whatever
    reading raises.
    """
    if not data.names:
        with ConsoleWatcher() as watcher:
            sources = _own(model, data)
            sets = open_sources(sources, multi_query=multi_query, on_images=watcher.on_images)
        return {dataset.name: dataset for dataset in sets.tests or sets.all}
    each = _options_of_each(data)
    pairs = [(one.name, one.root) for one in each]
    for name, root in pairs:
        if pairs.count((name, root)) > 1:
            raise DataError(f"--data {name} is there twice; name it once, or give other roots")
    opened: dict[str, ReIDDataset] = {}
    for one in each:
        dataset = open_dataset(one, multi_query=multi_query)
        others = [other for other, _ in pairs if other == one.name]
        opened[f"{dataset.name} in {one.root}" if len(others) > 1 else dataset.name] = dataset
    return opened


def _open(source: DataSource, *, multi_query: bool) -> ReIDDataset:
    with ConsoleWatcher() as watcher:
        return open_source(source, multi_query=multi_query, on_images=watcher.on_images)


def _options_of_each(data: ManyDataOptions) -> list[DataOptions]:
    """The options of each data set that is named: its root, and a pattern and table if it is own.

    Raises `DataError` if roots do not fit, and for a list of images to leave out of several sets.
    """
    names = data.names or ()
    readers = [_reader(name) for name in names]
    if len(names) > 1 and data.exclude is not None:
        raise DataError("--exclude lists images of one data set; give one --data with it")
    any_own = any(reader.is_own for reader in readers)
    each = []
    for reader, name, root in zip(readers, names, _assign(readers, data.roots or ()), strict=True):
        one = DataOptions(name, root, data.pattern, data.table, data.exclude)
        each.append(
            replace(one, pattern=None, table=None) if any_own and not reader.is_own else one
        )
    return each


def _named_source(model: str | Path, data: RunDataOptions) -> Sources | None:
    """Where a run had the data set that is named without its root; None if there is no such."""
    if data.name is None or data.root is not None:
        return None
    known = read_sources(Path(model))
    for source in known.all if known is not None and len(known.all) > 1 else ():
        if source.name == data.name:
            return Sources((_with_options(source, data),))
    return None


def _own_sources(model: str | Path, data: RunDataOptions) -> Sources | None:
    """Where the data of a model are, if none are named."""
    if data.name is not None:
        return None
    roots = None if data.root is None else [data.root]
    return _own(model, ManyDataOptions(None, roots, data.pattern, data.table, data.exclude))


def _own(model: str | Path, data: ManyDataOptions) -> Sources:
    """What a model was trained on, and tested on besides, where its run had it or below the roots.

    A pattern, a table and a list of images stand for those of a single data set.
    """
    roots = data.roots or ()
    known = read_sources(Path(model))
    if known is not None:
        here = moved_all(known, roots) if roots else known
    else:
        names, only_tested = _trained_on(model)
        readers = [_reader(name) for name in (*names, *only_tested)]
        assigned = zip((*names, *only_tested), _assign(readers, roots), strict=True)
        unread = Sources(tuple(map(DataSource, names)), tuple(map(DataSource, only_tested)))
        here = unread.replaced([DataSource(name, root) for name, root in assigned])
    if len(here.all) == 1:
        return here.replaced([_with_options(here.all[0], data)])
    if data.pattern or data.table or data.exclude:
        raise DataError(
            "the model has several data sets; name the one that a --pattern, a --table or an "
            "--exclude is of: --data"
        )
    return here


def _with_options(source: DataSource, data: ManyDataOptions | RunDataOptions) -> DataSource:
    return replace(
        source,
        pattern=data.pattern or source.pattern,
        table=data.table or source.table,
        exclude=data.exclude or source.exclude,
    )


def _trained_on(model: str | Path) -> tuple[Sequence[str], Sequence[str]]:
    """What a saved or published model was trained on, and only tested on, without loading it."""
    path = Path(model)
    if is_hub(model):
        raise DataError(f"which data is {shown(model)} to be tested on? Name a data set: --data")
    if not path.exists() and str(model) in WEIGHTS:
        return [WEIGHTS[str(model)].trained_on.name], []
    if path.is_file() and path.name != WEIGHTS_FILE:
        raise DataError(f"{shown(path)} does not say what it was trained on; give --data")
    card = read_card(path)
    if not card.data_sets:
        return [card.trained_on.data], []
    own = "folder "  # and the folder's name, where there are several
    named = [
        (own.strip() if one.data.startswith(own) else one.data, one.trained_on)
        for one in card.data_sets
    ]
    trained_on = [name for name, is_trained_on in named if is_trained_on]
    return trained_on, [name for name, is_trained_on in named if not is_trained_on]


def _reader(name: str) -> Reader:
    return find_reader(name.partition(":")[0])


def _assign(readers: Sequence[Reader], roots: Sequence[Path]) -> list[Path | None]:
    """A root for each data set, None for those that get none."""
    if len(readers) == 1 and len(roots) <= 1:
        return [roots[0] if roots else None]
    return assign_roots([reader.needs_root for reader in readers], roots)
