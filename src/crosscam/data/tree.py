"""Finding all pictures below a folder, by their names alone."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from crosscam.data.images import IMAGE_SUFFIXES, UNREAD_SUFFIXES
from crosscam.data.search import unreadable
from crosscam.errors import DataError
from crosscam.files import quoted

_Above = frozenset[tuple[int, int]]  # devices and inodes of the folders above one


class Listing(NamedTuple):
    """Paths below a folder, relative, with forward slashes, sorted.

    `images` are pictures by their suffix, `unread` pictures of kinds that crosscam does not read.
    """

    images: list[str]
    unread: list[str]


def list_images(root: Path) -> Listing:
    """All pictures below `root`.

    No picture is opened. Hidden files and folders are passed over; links are followed. Raises
    `DataError` for a folder that cannot be read, links that lead in a circle, and names that are
    not text.
    """
    found = Listing([], [])
    for path in walk_images(root):
        (found.images if is_read(path) else found.unread).append(path)
    return found


def is_read(path: str) -> bool:
    """Whether a file is a picture of a kind that crosscam reads, by its suffix."""
    return path.lower().endswith(IMAGE_SUFFIXES)


def walk_images(root: Path) -> Iterator[str]:
    """The pictures of `list_images`, read or not, sorted, while no more is held than a few folders.

    Raises what `list_images` raises, once it is there.
    """
    pending: list[tuple[str, _Above]] = [("", frozenset())]
    while pending:
        path, above = pending.pop()
        if path and not path.endswith("/"):
            yield path
            continue
        folder = root / path
        try:
            status = folder.stat()
            folders, files = _scan(folder)
        except OSError as error:
            raise unreadable(folder, error) from None
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            raise DataError(
                f"{quoted(folder)} is a link that leads back to a folder above it; remove the link"
            )
        # With its slash a folder has the place among files that its paths have among theirs.
        names = sorted([*(f"{name}/" for name in folders), *files], reverse=True)
        inside = above | {identity}
        pending += [(f"{path}{name}", inside) for name in names]


def _scan(folder: Path) -> tuple[list[str], list[str]]:
    """The names of the folders and of the pictures, read or not, that lie in a folder."""
    folders, files = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                folders.append(_readable(entry))
            elif entry.name.lower().endswith((*IMAGE_SUFFIXES, *UNREAD_SUFFIXES)):
                files.append(_readable(entry))
                if not entry.is_file():
                    raise DataError(
                        f"{quoted(entry.path)} is named like an image, but is a link to nothing or "
                        "no plain file; remove it"
                    )
    return folders, files


def _readable(entry: os.DirEntry[str]) -> str:
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        raise DataError(
            f"{entry.path!a} has a name that is not UTF-8, so no table can hold it; rename it"
        ) from None
    return entry.name
