"""Finding all pictures below a folder, by their names alone."""

import os
from pathlib import Path

from crosscam.data.images import IMAGE_SUFFIXES
from crosscam.errors import DataError


def list_images(root: Path) -> list[str]:
    """The paths of all pictures below `root`, relative, with forward slashes, sorted.

    No picture is opened. Hidden files and folders are passed over; links are followed. Raises
    `DataError` for a folder that cannot be read, links that lead in a circle, and names that are
    not text.
    """
    found: list[str] = []
    pending: list[tuple[str, frozenset[tuple[int, int]]]] = [("", frozenset())]
    while pending:
        prefix, above = pending.pop()
        folder = root / prefix
        try:
            status = folder.stat()
            folders, images = _scan(folder)
        except OSError as error:
            raise DataError(f"cannot read the folder {folder}: {error.strerror}") from None
        identity = (status.st_dev, status.st_ino)
        if identity in above:
            raise DataError(
                f"{folder} is a link that leads back to a folder above it; remove the link"
            )
        pending += [(f"{prefix}{name}/", above | {identity}) for name in folders]
        found += [f"{prefix}{name}" for name in images]
    return sorted(found)


def _scan(folder: Path) -> tuple[list[str], list[str]]:
    """The names of the folders and of the pictures that lie in a folder."""
    folders, images = [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                folders.append(_readable(entry))
            elif entry.name.lower().endswith(IMAGE_SUFFIXES):
                images.append(_readable(entry))
                if not entry.is_file():
                    raise DataError(
                        f"{entry.path} is named like an image, but is a link to nothing or no "
                        "file; remove it"
                    )
    return folders, images


def _readable(entry: os.DirEntry[str]) -> str:
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        raise DataError(
            f"{entry.path!a} has a name that is not UTF-8, so no table can hold it; rename it"
        ) from None
    return entry.name
