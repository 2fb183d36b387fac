"""Files: read only where they are plain, written whole or not at all; and the cache folder."""

import codecs
import errno
import hashlib
import io
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path

from crosscam.errors import RunError

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

CACHE_VARIABLE = "CROSSCAM_CACHE"
_LEFTOVER = ".*.crosscam-tmp"
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_ENDS = re.compile(r"^\s+|[\s.]+$")
_DEVICE = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$) *(\.|$)", re.IGNORECASE
)
_LONGEST = 100  # bytes, so that what is put before and after it has room
_MARKS = {  # the longer ones first: that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def safe_name(name: str) -> str:
    """`name`, changed as little as makes it a file's or a folder's name on every system.

    Marks that Windows keeps for itself become "-", blanks and dots at the ends go, the names of its
    devices get a "_" in front, and what is long is cut and told apart by a hash. Two names can
    become one, and systems differ in whether upper and lower case do: look whether it is taken.
    """
    safe = _ENDS.sub("", _FORBIDDEN.sub("-", name)) or "_"
    if _DEVICE.match(safe) or safe.startswith("."):
        safe = f"_{safe}"
    encoded = safe.encode(errors="replace")
    if len(encoded) > _LONGEST:
        mark = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
        safe = f"{encoded[: _LONGEST - 9].decode(errors='ignore')}-{mark}"
    return safe


def quoted(path: str | os.PathLike[str]) -> str:
    """A path for a message: as it is, or in quotes with escapes if it has blanks or odd marks."""
    text = os.fspath(path)
    plain = text.isprintable() and not any(mark.isspace() or mark in "'\"" for mark in text)
    return text if plain and text else repr(text)


def open_plain(path: str | os.PathLike[str]) -> io.BufferedReader:
    """Open a plain file to read its bytes; links are followed.

    Raises `OSError` at once for what is none: a folder, a pipe, a socket or a device, which could
    keep its reader waiting for ever; and for a name that no file can have.
    """
    try:
        _refuse_special(os.stat(path).st_mode, path)  # noqa: PTH116 - and of a str, too
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags)
    except ValueError:
        raise OSError(errno.EINVAL, "no file can have this name", os.fspath(path)) from None
    try:
        _refuse_special(os.fstat(descriptor).st_mode, path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _refuse_special(mode: int, path: str | os.PathLike[str]) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder, not a file", os.fspath(path))
    if not stat.S_ISREG(mode):
        kind = "a pipe" if stat.S_ISFIFO(mode) else "a device or a socket"
        raise OSError(errno.EINVAL, f"it is {kind}, not a plain file", os.fspath(path))


def read_text_file(
    path: Path, *, undecodable: Literal["strict", "surrogateescape"] = "strict"
) -> str:
    """The text of a file that a user wrote: UTF-8, or UTF-16 or UTF-32 with a byte order mark.

    The mark is taken off; line ends stay as they are, see `split_lines`. With `undecodable` as
    "surrogateescape" bytes that are not UTF-8 are kept, as in names of files. Raises `OSError` for
    what cannot be read or is no plain file, and `UnicodeError` for what is no such text.
    """
    with open_plain(path) as file:
        content = file.read()
    mark = next((mark for mark in _MARKS if content.startswith(mark)), None)
    text = content.decode("utf-8" if mark is None else _MARKS[mark], undecodable)
    if "\0" in text:
        raise UnicodeError("it has zero bytes")
    return text


def split_lines(text: str) -> list[str]:
    """The lines of a text that may have come from any system; only CR and LF end them."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


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
        reach_disk(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def reach_disk(path: Path) -> None:
    """Wait until what was written to a file is on the disk."""
    with path.open("rb+") as written:  # Windows flushes only what may be written
        os.fsync(written.fileno())


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
    """The SHA-256 of a plain file's bytes, as 64 hexadecimal digits. Raises `OSError`."""
    with open_plain(file) as content:
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
    """Where crosscam keeps what it can make or fetch again: the user's cache, or CROSSCAM_CACHE.

    Raises `RunError` that names the variable where neither can be told.
    """
    own = folder_named_by(CACHE_VARIABLE)
    if own is not None:
        return own
    try:
        usual = user_cache_path("crosscam", appauthor=False)
    except RuntimeError:  # how newer versions say what older ones answer with a relative path
        usual = Path()
    if not usual.is_absolute():
        raise RunError(
            "this user has no home folder, so there is no place for a cache; name a folder in "
            f"{CACHE_VARIABLE}"
        )
    return usual


def folder_named_by(variable: str) -> Path | None:
    """The folder that a variable of the environment names, ~ resolved; None if it names none.

    Raises `RunError` that names the variable if its ~ cannot be resolved.
    """
    named = os.environ.get(variable)
    if not named:
        return None
    try:
        return Path(named).expanduser()
    except RuntimeError:
        raise RunError(
            f"{variable} is {quoted(named)}, but there is no such home; give a path without ~"
        ) from None


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
