"""Several data sets as one to train on, each person and each camera kept apart."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from os.path import abspath
from typing import NamedTuple

import numpy as np

from crosscam.data.registry import people_of
from crosscam.errors import DataError
from crosscam.types import Int64s, ReIDDataset, Sample

_OWN = "folder"  # a name that any two sets of own pictures share


class Shift(NamedTuple):
    """What is added to the numbers of a data set's people and cameras where it is one of several.

    Where cameras are not known for all of them, `camids` is None, and none has any.
    """

    pids: int
    camids: int | None


@dataclass(frozen=True)
class DataSets:
    """The data sets of an experiment.

    `trained_on` are trained on as one, which is `together`, and each is tested on, as far as it has
    a test; `only_tested` are not trained on. `shifts` are those of `trained_on`. Names differ.
    """

    trained_on: tuple[ReIDDataset, ...]
    only_tested: tuple[ReIDDataset, ...]
    together: ReIDDataset
    shifts: tuple[Shift, ...]

    @property
    def all(self) -> tuple[ReIDDataset, ...]:
        """Every one of them as it was read, those that are trained on first."""
        return (*self.trained_on, *self.only_tested)

    @property
    def tests(self) -> tuple[ReIDDataset, ...]:
        """Those that have a test, in the same order."""
        return tuple(dataset for dataset in self.all if dataset.query)

    @property
    def is_one(self) -> bool:
        """Whether there is but one, as in most experiments."""
        return len(self.all) == 1


def gather(trained_on: Sequence[ReIDDataset], only_tested: Sequence[ReIDDataset] = ()) -> DataSets:
    """The data sets of an experiment, of which `only_tested` are not trained on.

    A single one to train on stays as it is. Otherwise sets of own pictures are called by their
    folders, too, since all have the name "folder".
    Raises `DataError` if there is none to train on; if a set is there twice, in two variants, or
    split anew under another name, which share people, or with images of another; if one of several
    has nothing to train on, or one that is only tested nothing to test on; and if ids are too large
    to be made distinct.
    """
    if not trained_on:
        raise DataError("there is no data set to train on; name one")
    trained = tuple(trained_on)
    if len(trained) > 1:
        trained = _named_apart(trained)
    tested = _named_apart(only_tested, trained)
    named = (*trained, *tested)
    _refuse_twice(named)
    _refuse_shared_images(named)
    for dataset in trained if len(trained) > 1 else ():
        if not dataset.train:
            raise DataError(
                f"data set {dataset.name!r} has no training images; name it as one to test on alone"
            )
    for dataset in tested:
        if not dataset.query:
            raise DataError(f"data set {dataset.name!r} has no query and gallery to test on")
    if len(trained) == 1:
        return DataSets(trained, tested, trained[0], (Shift(0, 0),))
    shifts = tuple(_shifts(trained))
    return DataSets(trained, tested, _joined(trained, shifts), shifts)


def sets_of(samples: Sequence[Sample], first_pids: Sequence[int]) -> Int64s | None:
    """(N,) int64: which of several joined sets each sample is of; None for those of one set.

    `first_pids` are those of the joined data set.
    """
    if not first_pids:
        return None
    pids = np.array([sample.pid for sample in samples], dtype=np.int64)
    return np.searchsorted(np.array(first_pids, dtype=np.int64), pids, side="right") - 1


def _named_apart(
    datasets: Sequence[ReIDDataset], beside: Sequence[ReIDDataset] = ()
) -> tuple[ReIDDataset, ...]:
    """The data sets, those of own pictures called by the last folder of their roots.

    Where another of them or of those `beside` has the same folder's name, by the whole root.
    """
    roots = [dataset.source.root if dataset.source else None for dataset in datasets]
    own = [
        root.name
        for dataset, root in zip(datasets, roots, strict=True)
        if dataset.name == _OWN and root is not None
    ]
    names = Counter([*own, *(one.name.removeprefix(f"{_OWN} ") for one in beside)])
    return tuple(
        replace(dataset, name=f"{_OWN} {root.name if names[root.name] == 1 else root}")
        if dataset.name == _OWN and root is not None
        else dataset
        for dataset, root in zip(datasets, roots, strict=True)
    )


def _refuse_twice(datasets: Sequence[ReIDDataset]) -> None:
    names: dict[str, list[str]] = {}
    for dataset in datasets:
        names.setdefault(people_of(dataset.name), []).append(dataset.name)
    for same in names.values():
        if len(set(same)) < len(same):
            raise DataError(f"data set {max(same, key=same.count)!r} is there twice; name it once")
        if len(same) > 1:
            raise DataError(
                f"{' and '.join(same)} are of one data set, so they share people; name one of them"
            )


def _refuse_shared_images(datasets: Sequence[ReIDDataset]) -> None:
    if len(datasets) < 2:
        return
    owners: dict[str, str] = {}
    for dataset in datasets:
        paths = {sample.path for sample in (*dataset.train, *dataset.query, *dataset.gallery)}
        for path in map(abspath, paths):
            owner = owners.setdefault(path, dataset.name)
            if owner != dataset.name:
                raise DataError(
                    f"data sets {owner!r} and {dataset.name!r} share images, such as {path!r}; "
                    "name one of them"
                )


def _shifts(datasets: Sequence[ReIDDataset]) -> Iterator[Shift]:
    """Each set's shift: its lowest number comes after the highest of the sets before it.

    The first keeps its numbers. Cameras of its test count too, so that they stay apart.
    """
    with_cameras = all(dataset.has_cameras for dataset in datasets)
    next_pid: int | None = None
    next_camid: int | None = None
    for dataset in datasets:
        pids = {sample.pid for sample in dataset.train}
        shift = 0 if next_pid is None else next_pid - min(pids)
        next_pid = max(pids) + shift + 1
        if not with_cameras:
            yield Shift(shift, None)
            continue
        samples = (*dataset.train, *dataset.query, *dataset.gallery)
        camids = {sample.camid for sample in samples if sample.camid is not None}
        camid_shift = 0 if next_camid is None else next_camid - min(camids)
        next_camid = max(camids) + camid_shift + 1
        yield Shift(shift, camid_shift)


def shifted(samples: Sequence[Sample], shift: Shift) -> tuple[Sample, ...]:
    """Samples under the numbers that they have among those of several data sets."""
    camids = shift.camids
    return tuple(
        sample._replace(
            pid=sample.pid + shift.pids,
            camid=None if sample.camid is None or camids is None else sample.camid + camids,
        )
        for sample in samples
    )


def _joined(datasets: Sequence[ReIDDataset], shifts: Sequence[Shift]) -> ReIDDataset:
    """The training images of several data sets as one."""
    parts = [shifted(dataset.train, shift) for dataset, shift in zip(datasets, shifts, strict=True)]
    notes = [f"{dataset.name}: {note}" for dataset in datasets for note in dataset.notes]
    without = [dataset.name for dataset in datasets if not dataset.has_cameras]
    if 0 < len(without) < len(datasets):
        notes.append(
            f"cameras are not known in {', '.join(without)}, so training knows none of any set"
        )
    left_out: Mapping[str, int] = {
        f"{dataset.name}: {what}": count
        for dataset in datasets
        for what, count in dataset.left_out.items()
    }
    terms = {dataset.terms for dataset in datasets}
    return ReIDDataset(
        name=" + ".join(dataset.name for dataset in datasets),
        train=tuple(sample for part in parts for sample in part),
        query=(),
        gallery=(),
        terms=terms.pop() if len(terms) == 1 else _all_terms(datasets),
        left_out=left_out,
        notes=tuple(notes),
        first_pids=tuple(min(sample.pid for sample in part) for part in parts),
    )


def _all_terms(datasets: Sequence[ReIDDataset]) -> str:
    return " ".join(f"{dataset.name}: {dataset.terms}" for dataset in datasets)
