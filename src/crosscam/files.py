"""Writing files so that each is either there whole or not there at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LEFTOVER = ".*.crosscam-tmp"


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; moved into its place if the block ends well, else removed.

    The file reaches the disk before it is moved, so that a power cut leaves the old or the new. A
    link is followed.
    """
    path = path.resolve()
    beside = path.with_name(f".{path.name}.{os.getpid()}.crosscam-tmp")
    try:
        yield beside
        with beside.open("rb") as written:
            os.fsync(written.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text whole or not at all."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed process left half-written in `folder`."""
    for leftover in folder.glob(_LEFTOVER):
        leftover.unlink(missing_ok=True)
