"""Finding own pictures: what their paths, or a table, say of who is in them."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from crosscam.data.images import IMAGE_SUFFIXES
from crosscam.data.labels import Picture, Split, describe_merged, describe_numbers, number_names
from crosscam.data.layout import list_folder
from crosscam.data.patterns import NamePattern, parse_pattern
from crosscam.data.search import find_root, listed, missing_of
from crosscam.data.tables import read_table
from crosscam.data.tree import Listing, list_images
from crosscam.errors import DataError
from crosscam.files import quoted
from crosscam.types import Sample

_ONE_FOLDER_A_PERSON = "{pid}/*"
_SPLITS: tuple[Split, ...] = ("train", "query", "gallery")


@dataclass(frozen=True)
class OwnPictures:
    """Pictures below a folder, at least one, by path, and the numbers of their people and cameras.

    Either all of them have a split or none has. `left_out` counts what is not among them, by
    reason; `notes` are what a user should know of them.
    """

    pictures: tuple[Picture, ...]
    pids: Mapping[str, int]
    camids: Mapping[str, int]
    left_out: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def is_split(self) -> bool:
        """Whether something says which pictures are to train on and which to test with."""
        return self.pictures[0].split is not None

    def samples(self) -> list[Sample]:
        """A sample for every picture, in their order."""
        return [
            Sample(file, self.pids[pid], None if camid is None else self.camids[camid])
            for file, _, pid, camid, _ in self.pictures
        ]


def find_pictures(
    root: str | os.PathLike[str], *, pattern: str | None = None, table: Path | None = None
) -> OwnPictures:
    """The pictures below `root`, with the names of who is in them.

    A `table` says it (see `read_table`), or the paths do by a `pattern` (see `parse_pattern`),
    which is `{pid}/*` if there is none: one folder a person. With folders `query` and `gallery`,
    and mostly `train`, in the root, these are the splits, and paths begin below them. Pictures that
    do not match are left out, counted and noted. Raises `DataError` for whatever cannot be read.
    """
    base = find_root(root, name="folder")
    if table is None:
        return _by_names(base, pattern)
    if pattern is not None:
        raise DataError("a table says who is in which picture; leave the pattern out")
    return _numbered(read_table(table, root=base), {}, ())


def _numbered(
    pictures: Sequence[Picture], left_out: Mapping[str, int], notes: tuple[str, ...]
) -> OwnPictures:
    pids = number_names(picture.pid for picture in pictures)
    camids = number_names(picture.camid for picture in pictures if picture.camid is not None)
    for what, numbers in (("people", pids), ("cameras", camids)):
        notes += describe_numbers(what, numbers) + describe_merged(what, numbers)
    ordered = tuple(sorted(pictures, key=lambda picture: picture.path))
    return OwnPictures(ordered, pids, camids, left_out, notes)


def _by_names(root: Path, pattern: str | None) -> OwnPictures:
    names = parse_pattern(_ONE_FOLDER_A_PERSON if pattern is None else pattern)
    pictures: list[Picture] = []
    unmatched: list[str] = []
    unread: list[str] = []
    folders, notes = _split_folders(root)
    for split, prefix in folders:
        before = len(pictures)
        listing = list_images(root / prefix)
        unread += [f"{prefix}{path}" for path in listing.unread]
        for path in listing.images:
            labels = names.read(path)
            if labels is None:
                unmatched.append(f"{prefix}{path}")
            else:
                place = f"{prefix}{path}"
                pictures.append(Picture(root / place, place, *labels, split))
        if len(pictures) == before:
            raise _no_match(root / prefix, listing, names, is_default=pattern is None)
    left_out: dict[str, int] = {}
    if unmatched:
        left_out[f"images that do not match {names.text}"] = len(unmatched)
        note = (
            f"{len(unmatched):,} of {len(pictures) + len(unmatched):,} images do not match "
            f"{names.text} and are left out, the first is {quoted(unmatched[0])}"
        )
        notes = (*notes, note)
    if unread:
        left_out["images of kinds that are not read"] = len(unread)
        notes = (*notes, _describe_unread(unread))
    return _numbered(pictures, left_out, notes)


def _describe_unread(paths: Sequence[str]) -> str:
    suffixes = Counter(PurePosixPath(path).suffix.lower() for path in paths)
    kinds = ", ".join(f"{count:,} {suffix}" for suffix, count in sorted(suffixes.items()))
    return (
        f"images of kinds that are not read are left out: {kinds}, the first is "
        f"{quoted(paths[0])}; convert them to JPEG or PNG"
    )


def _split_folders(root: Path) -> tuple[list[tuple[Split | None, str]], tuple[str, ...]]:
    """Every split and where its paths begin, or no split and the root; and what to say of it."""
    absent = missing_of(root, _SPLITS)
    there = [split for split in _SPLITS if split not in absent]
    if not there:
        return [(None, "")], ()
    missing = [split for split in ("query", "gallery") if split not in there]
    if missing:
        raise DataError(
            f"{quoted(root)} has a folder {' and '.join(there)}, but none named "
            f"{' and '.join(missing)}; a tree that is split has train, query and "
            "gallery, one that is not has none of them"
        )
    others = sorted(
        path.name
        for path in list_folder(root)
        if path.name not in there
        and not path.name.startswith(".")
        and not missing_of(root, [path.name])
    )
    notes = (
        (f"besides {', '.join(there)}, {quoted(root)} holds {listed(others)}, not read",)
        if others
        else ()
    )
    return [(split, f"{split}/") for split in there], notes


def _no_match(folder: Path, listing: Listing, names: NamePattern, *, is_default: bool) -> DataError:
    paths = listing.images
    if not paths:
        unread = f"; {_describe_unread(listing.unread)}" if listing.unread else ""
        return DataError(
            f"no images below {quoted(folder)}: looked for names that end in "
            f"{', '.join(IMAGE_SUFFIXES)}{unread or '; give the folder that holds them'}"
        )
    found = f"none of the {len(paths):,} images below {quoted(folder)} "
    if is_default:
        return DataError(
            f"{found}lies in a folder of its person, as PERSON/NAME.jpg; the first is "
            f"{quoted(paths[0])}; say how they are named with --pattern, such as "
            "'{pid}_{camid}_*.jpg', or use --table"
        )
    return DataError(
        f"{found}matches {names.text}; the first is {quoted(paths[0])}; the pattern is "
        "compared with such paths, folders included"
    )
