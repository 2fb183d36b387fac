"""What lies in the files of CUHK03: pictures in `cuhk-03.mat`, the 767/700 split in two others.

`cuhk-03.mat` is HDF5 with MATLAB's references: a set of pictures ("detected" or "labeled") is a row
of camera pairs, each a table of 10 places by its people, of which the first five are of camera 1.
The split files are MATLAB's older format.
"""

import importlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crosscam.errors import DataError
from crosscam.files import quoted

NAME = re.compile(r"(?P<pair>[1-9])_(?P<person>\d{3})_(?P<camid>[12])_(?P<place>\d{2})\.png")
_PLACES = 10
_MOST_PEOPLE = 999
_INDICES = ("train_idx", "query_idx", "gallery_idx")
_BROKEN = (
    *(OSError, KeyError, IndexError, ValueError, OverflowError),
    *(TypeError, RuntimeError, AttributeError),
)


class Split(NamedTuple):
    """The 767/700 split: image names with person numbers."""

    train: tuple[tuple[str, int], ...]
    query: tuple[tuple[str, int], ...]
    gallery: tuple[tuple[str, int], ...]


def read_pictures(archive: Path, kind: str) -> Iterator[tuple[str, NDArray[np.uint8] | None]]:
    """Every place of `cuhk-03.mat`, in order: its image's name, and its picture if it has one.

    `kind` is "detected" or "labeled"; a name is pair_person_camera_place, as `1_001_2_06.png`; a
    picture is (height, width, 3) uint8. Raises `DataError` if the file is not that or is cut short.
    """
    with _opened(archive) as content:
        for pair, people in enumerate(_tables(content, kind, archive), start=1):
            for person in range(people.shape[1]):
                for place in range(_PLACES):
                    camera = 1 if place < _PLACES // 2 else 2
                    name = f"{pair}_{person + 1:03}_{camera}_{place + 1:02}.png"
                    yield name, _picture(content[people[place, person]], name, archive)


def count_places(archive: Path, kind: str) -> int:
    """How many places `read_pictures` will go through."""
    with _opened(archive) as content:
        return sum(int(people.size) for people in _tables(content, kind, archive))


def read_test_people(archive: Path, split: int) -> list[tuple[int, int]]:
    """The people, as (pair, person) from 1, that the classic split `split` tests on, from 0.

    Raises `DataError` if `cuhk-03.mat` cannot be read or has no such split.
    """
    with _opened(archive) as content:
        references = content["testsets"][...].ravel()
        if split >= len(references):
            raise _misshapen(archive, f"{len(references)} classic splits, none of number {split}")
        pairs_and_people = np.asarray(content[references[split]][...], dtype=np.float64)
        if pairs_and_people.ndim != 2 or len(pairs_and_people) != 2 or not pairs_and_people.size:
            raise _misshapen(archive, f"a classic split of shape {pairs_and_people.shape}")
        return [(int(pair), int(person)) for pair, person in pairs_and_people.T]


def read_split(file: Path) -> Split:
    """The 767/700 split of a `cuhk03_new_protocol_config_*.mat`.

    Raises `DataError` if the file cannot be read, lacks something, or counts images that it does
    not name.
    """
    scipy_io = _needed("scipy.io", file)
    try:
        content = scipy_io.loadmat(file, variable_names=["filelist", "labels", *_INDICES])
        names = [str(np.ravel(entry)[0]) for entry in np.ravel(content["filelist"])]
        pids = [int(pid) for pid in np.ravel(content["labels"])]
        indices = [[int(index) for index in np.ravel(content[key])] for key in _INDICES]
    except Exception as error:  # noqa: BLE001 - scipy does not say what it raises on broken files
        raise DataError(
            f"{quoted(file)} is no whole split of CUHK03 ({_in_words(error)}); fetch it again"
        ) from None
    if len(names) != len(pids):
        raise DataError(
            f"{quoted(file)} has {len(names)} names for {len(pids)} labels; fetch it again"
        )
    splits = []
    for key, chosen in zip(_INDICES, indices, strict=True):
        wrong = next((index for index in chosen if not 1 <= index <= len(names)), None)
        if wrong is not None or not chosen:
            found = f"image {wrong} of {len(names)}" if chosen else "no images"
            raise DataError(f"{quoted(file)}: {key} has {found}; fetch it again")
        splits.append(tuple((names[index - 1], pids[index - 1]) for index in chosen))
    return Split(*splits)


@contextmanager
def _opened(archive: Path) -> Iterator[Any]:
    h5py = _needed("h5py", archive)
    try:
        with h5py.File(archive, "r") as content:
            yield content
    except _BROKEN as error:
        raise DataError(
            f"{quoted(archive)} is no whole cuhk-03.mat ({_in_words(error)}); unpack or fetch it "
            "again"
        ) from None


def _tables(content: Any, kind: str, archive: Path) -> list[NDArray[Any]]:
    """For each camera pair, references to pictures: (10, people)."""
    tables = [content[reference][...] for reference in content[kind][...].ravel()]
    for table in tables:
        if table.ndim != 2 or len(table) != _PLACES or table.shape[1] > _MOST_PEOPLE:
            raise _misshapen(archive, f"a table of {kind} of shape {table.shape}")
    if not any(table.size for table in tables):
        raise _misshapen(archive, f"nobody in {kind}")
    return tables


def _picture(stored: Any, name: str, archive: Path) -> NDArray[np.uint8] | None:
    if stored.ndim < 3 or not stored.size:
        return None
    if stored.ndim != 3 or len(stored) != 3 or stored.dtype != np.uint8:
        raise _misshapen(archive, f"{stored.dtype} of shape {stored.shape} for the image {name}")
    return np.ascontiguousarray(stored[...].T, dtype=np.uint8)


def _misshapen(archive: Path, found: str) -> DataError:
    return DataError(
        f"{quoted(archive)} is not laid out like cuhk-03.mat: it has {found}; fetch it again"
    )


def _needed(module: str, file: Path) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise DataError(
            f"{quoted(file)} cannot be read without {module.partition('.')[0]}; "
            "pip install 'crosscam[mat]'"
        ) from None


def _in_words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
