"""Writing files and folders so that each is either there whole or not there at all."""

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path

from crosscam.errors import RunError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

CACHE_VARIABLE = "CROSSCAM_CACHE"
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
    """Remove what a killed process left half-written in `folder`, files and folders."""
    for leftover in folder.glob(_LEFTOVER):
        if leftover.is_dir():
            remove_folder(leftover)
        else:
            leftover.unlink(missing_ok=True)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it, if it is there."""
    if folder.exists():
        shutil.rmtree(folder)


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def making_folder(folder: Path) -> Iterator[Path]:
    """A folder beside `folder` to fill; moved into its place if the block ends well, else removed.

    `folder` is not there yet, or empty. What a killed process left beside it is removed first.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    remove_unmade(folder)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.crosscam-tmp")
    beside.mkdir()
    try:
        yield beside
        if folder.exists():
            folder.rmdir()
        beside.rename(folder)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        raise


def unmade(folder: Path) -> list[Path]:
    """What killed processes left of `folder` before it was in its place."""
    folder = folder.resolve()
    pattern = re.compile(rf"\.{re.escape(folder.name)}\.\d+\.crosscam-tmp")
    beside = folder.parent.iterdir() if folder.parent.is_dir() else ()
    return [path for path in beside if pattern.fullmatch(path.name)]


def remove_unmade(folder: Path) -> None:
    """Remove what killed processes left of `folder` before it was in its place."""
    for leftover in unmade(folder):
        shutil.rmtree(leftover, ignore_errors=True)


def cache_folder() -> Path:
    """Where crosscam keeps what it can make or fetch again: the user's cache, or CROSSCAM_CACHE."""
    own = os.environ.get(CACHE_VARIABLE)
    return Path(own).expanduser() if own else user_cache_path("crosscam", appauthor=False)


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """While entered, other processes wait to enter by the same `lock`, where there are file locks.

    The lock is an empty file, made if need be and left there; it ends with the process that holds
    it, however that ends.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("ab") as held:
        if fcntl is not None:
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


@contextmanager
def alone(lock: Path, refusal: str) -> Iterator[None]:
    """As `one_at_a_time`, but raises `RunError` with the `refusal` where another is inside."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("ab") as held:
        if fcntl is not None:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise RunError(refusal) from None
        yield
