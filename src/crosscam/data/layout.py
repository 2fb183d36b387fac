"""Finding an archive's folders on disk, and reading labels off file names.

Shared by the readers, so that a data set is one short file: where its folders are, and a pattern.
"""

import os
import re
from collections.abc import Callable
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


def find_archive(
    root: str | os.PathLike[str],
    *,
    name: str,
    names: re.Pattern[str],
    fits: Callable[[Path], bool] | None = None,
) -> Path:
    """The folder at or up to three levels below `root` that is laid out like Market-1501.

    Where there are several, it is the one whose images have the `names` of this data set; where
    several have, the one that `fits`. Raises `DataError` if none is there, which says what was
    looked for and where; if part of one is, which says what is missing; and if several are left.
    """
    places = find_places(root, name=name, shapes=[MARKET_FOLDERS])

    def has_names(place: Path) -> bool:
        return begins_with(place / MARKET_FOLDERS[0], names)

    named = places.holding(MARKET_FOLDERS, fits=has_names)
    archive = places.the_one(
        [place for place in named if fits is not None and fits(place)] or named
    )
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


def read_folder(
    folder: Path, pattern: re.Pattern[str], *, example: str, camid: int | None = None
) -> list[Sample]:
    """The pictures that lie flat in `folder`, sorted by name, labelled by the groups of `pattern`.

    `pattern` has the group `pid`, and may have `camid` and `clothes`, of 18 digits at most; where
    it has no camera, `camid` is that of all, None if it is not known. `example` and what is raised
    are those of `named_images`.
    """
    has_camera, has_clothes = (key in pattern.groupindex for key in ("camid", "clothes"))
    return [
        Sample(
            path,
            int(labels["pid"]),
            int(labels["camid"]) if has_camera else camid,
            int(labels["clothes"]) if has_clothes else None,
        )
        for path, labels in named_images(folder, pattern, example=example)
    ]


def named_images(
    folder: Path, pattern: re.Pattern[str], *, example: str
) -> list[tuple[Path, re.Match[str]]]:
    """The pictures that lie flat in `folder`, sorted by name, with what `pattern` finds in it.

    Files that are no pictures, and hidden files, are ignored. Raises `DataError` if the folder
    cannot be read, if there are no pictures, or if a picture's name does not match; the message
    says that names look like `example`.
    """
    found = []
    for path in list_folder(folder):
        if path.name.startswith(".") or path.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        labels = pattern.fullmatch(path.name)
        if labels is None:
            raise DataError(
                f"misnamed image {quoted(path)}: names here look like {example}; rename or remove "
                "it"
            )
        found.append((path, labels))
    if not found:
        raise DataError(
            f"no images in {quoted(folder)}: looked for names like {example}; unpack the archive "
            "again"
        )
    return found


def read_people(
    folder: Path, pattern: re.Pattern[str], *, example: str, camid: int
) -> dict[int, Sample]:
    """The one image of each person in `folder`, by pid; see `read_folder`.

    Raises `DataError` for a second image of a person, too.
    """
    people: dict[int, Sample] = {}
    for image in read_folder(folder, pattern, example=example, camid=camid):
        if image.pid in people:
            raise DataError(
                f"person {image.pid} is twice in {quoted(folder)}, the second time in "
                f"{image.path.name}; one image each was released, so unpack the archive again"
            )
        people[image.pid] = image
    return people


def list_folder(folder: Path) -> list[Path]:
    """All that lies in a folder, sorted by name. Raises `DataError` if it cannot be read."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise unreadable(folder, error) from None


def begins_with(folder: Path, names: re.Pattern[str]) -> bool:
    """Whether one of the first images that the system lists in a folder has such a name."""
    try:
        with os.scandir(folder) as entries:
            return any(names.fullmatch(entry.name) for entry in islice(entries, _LOOKED_AT))
    except OSError:
        return False
