"""Finding an archive's folders on disk, and reading labels off file names.

Shared by the readers, so that a data set is one short file: where its folders are, and a pattern.
"""

import os
import re
from itertools import islice
from pathlib import Path

from crosscam.data.images import IMAGE_SUFFIXES
from crosscam.data.search import find_places, unreadable
from crosscam.errors import DataError
from crosscam.files import quoted
from crosscam.types import ReIDDataset, Sample

MARKET_FOLDERS = ("bounding_box_train", "query", "bounding_box_test")
_JUNK = -1
_LOOKED_AT = 100


def find_archive(root: str | os.PathLike[str], *, name: str, names: re.Pattern[str]) -> Path:
    """The folder at or up to three levels below `root` that is laid out like Market-1501.

    Where there are several, it is the one whose images have the `names` of this data set. Raises
    `DataError` if none is there, which says what was looked for and where; if part of one is, which
    says what is missing; and if several are left.
    """
    places = find_places(root, name=name, shapes=[MARKET_FOLDERS])

    def has_names(place: Path) -> bool:
        return _begins_with(place / MARKET_FOLDERS[0], names)

    archive = places.the_one(places.holding(MARKET_FOLDERS, fits=has_names))
    if archive is None:
        raise places.absent([MARKET_FOLDERS])
    return archive


def read_three_folders(
    archive: Path,
    pattern: re.Pattern[str],
    *,
    example: str,
    name: str,
    terms: str,
    notes: tuple[str, ...] = (),
) -> ReIDDataset:
    """Read `bounding_box_train`, `query` and `bounding_box_test`, the folders of Market-1501.

    `pattern` and `example` are those of `read_folder`. Junk (pid -1) is dropped and counted.
    """
    splits = []
    junk = 0
    for folder in MARKET_FOLDERS:
        samples = read_folder(archive / folder, pattern, example=example)
        kept = tuple(sample for sample in samples if sample.pid != _JUNK)
        junk += len(samples) - len(kept)
        splits.append(kept)
    train, query, gallery = splits
    return ReIDDataset(
        name=name,
        train=train,
        query=query,
        gallery=gallery,
        terms=terms,
        left_out={"junk images (pid -1)": junk} if junk else {},
        notes=notes,
    )


def read_folder(folder: Path, pattern: re.Pattern[str], *, example: str) -> list[Sample]:
    """The pictures that lie flat in `folder`, sorted by name, labelled by the groups of `pattern`.

    `pattern` has the groups `pid` and `camid`, of 18 digits at most. Files that are no
    pictures, and hidden files, are ignored. Raises `DataError` if the folder cannot be read, if
    there are no pictures, or if a picture's name does not match.
    """
    samples = []
    for path in list_folder(folder):
        if path.name.startswith(".") or path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        labels = pattern.fullmatch(path.name)
        if labels is None:
            raise DataError(
                f"misnamed image {quoted(path)}: names here look like {example}; rename or remove "
                "it"
            )
        samples.append(Sample(path, int(labels["pid"]), int(labels["camid"])))
    if not samples:
        raise DataError(
            f"no images in {quoted(folder)}: looked for names like {example}; unpack the archive "
            "again"
        )
    return samples


def list_folder(folder: Path) -> list[Path]:
    """All that lies in a folder, sorted by name. Raises `DataError` if it cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise unreadable(folder, error) from None


def _begins_with(folder: Path, names: re.Pattern[str]) -> bool:
    """Whether one of the first images that the system lists in a folder has such a name."""
    try:
        with os.scandir(folder) as entries:
            return any(names.fullmatch(entry.name) for entry in islice(entries, _LOOKED_AT))
    except OSError:
        return False
