"""Files by path or by address: on this machine's disks, or in a store that fsspec knows."""

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Protocol

from crosscam.data.search import is_file
from crosscam.errors import CrosscamError, DataError, ExtraError
from crosscam.files import open_plain, quoted, remove_folder, remove_leftovers, replacing

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: c:// is a drive
_LOCAL = ("file://", "local://")


class Folder(Protocol):
    """A folder in which files are written whole or not at all; its files are named, not pathed."""

    @property
    def address(self) -> str:
        """What the folder is called."""

    def sizes(self) -> dict[str, int]:
        """The bytes of each file in it, by name; of a folder that is not there, none."""

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""

    def open(self, name: str) -> IO[bytes]:
        """A file of it, to read. Raises `OSError` if it is not there."""

    def writing(self, name: str) -> AbstractContextManager[Path]:
        """A path on this machine to write a file to, put into the folder if the block ends well."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""

    def make(self) -> None:
        """Make the folder, if it is not there, without what a killed process left half-written."""

    def drop(self) -> None:
        """Remove the folder with all that is in it."""

    def within(self, name: str) -> "Folder":
        """A folder in this one."""


def is_address(place: str) -> bool:
    """Whether files lie in a store that fsspec reaches, as `s3://` says; `file://` is a path."""
    return bool(_ADDRESS.match(place)) and not place.startswith(_LOCAL)


def plain(place: str | os.PathLike[str]) -> str:
    """A path or an address as text, without the `file://` that a path can have before it."""
    text = os.fspath(place)
    for start in _LOCAL:
        text = text.removeprefix(start)
    return text


def split_place(place: str) -> tuple[str, str]:
    """The folder of a file, and its name in it."""
    if is_address(place):
        folder, _, name = place.rpartition("/")
        return folder, name
    path = Path(place)
    return str(path.parent), path.name


def open_folder(place: str) -> Folder:
    """The folder at a path or an address; it need not be there."""
    return _StoreFolder(place) if is_address(place) else _DiskFolder(Path(place))


@dataclass(frozen=True)
class _DiskFolder:
    path: Path

    @property
    def address(self) -> str:
        return str(self.path)

    def sizes(self) -> dict[str, int]:
        if not self.path.is_dir():
            return {}
        with os.scandir(self.path) as entries:
            return {entry.name: entry.stat().st_size for entry in entries if entry.is_file()}

    def has(self, name: str) -> bool:
        return is_file(self.path / name)

    def open(self, name: str) -> IO[bytes]:
        return open_plain(self.path / name)

    def writing(self, name: str) -> AbstractContextManager[Path]:
        return replacing(self.path / name)

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def make(self) -> None:
        self.path.mkdir(exist_ok=True)
        remove_leftovers(self.path)

    def drop(self) -> None:
        remove_folder(self.path)

    def within(self, name: str) -> Folder:
        return _DiskFolder(self.path / name)


@dataclass(frozen=True)
class _StoreFolder:
    address: str

    def sizes(self) -> dict[str, int]:
        with reaching(self.address):
            system, path = store_of(self.address)
            system.invalidate_cache()
            try:
                found = system.ls(path, detail=True)
            except FileNotFoundError:
                return {}
            return {
                entry["name"].rpartition("/")[2]: int(entry["size"] or 0)
                for entry in found
                if entry["type"] == "file"
            }

    def has(self, name: str) -> bool:
        with reaching(self.address):
            system, path = store_of(self._file(name))
            system.invalidate_cache()
            return bool(system.exists(path))

    def open(self, name: str) -> IO[bytes]:
        with reaching(self.address):
            system, path = store_of(self._file(name))
            opened: IO[bytes] = system.open(path, "rb")
            return opened

    @contextmanager
    def writing(self, name: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="crosscam-") as folder:
            file = Path(folder) / "file"
            yield file
            with reaching(self.address):
                system, path = store_of(self._file(name))
                system.put_file(str(file), path)  # an object is there once it is there whole

    def remove(self, name: str) -> None:
        with reaching(self.address):
            system, path = store_of(self._file(name))
            if system.exists(path):
                system.rm_file(path)

    def make(self) -> None:
        with reaching(self.address):
            system, path = store_of(self.address)
            system.makedirs(path, exist_ok=True)

    def drop(self) -> None:
        with reaching(self.address):
            system, path = store_of(self.address)
            if system.exists(path):
                system.rm(path, recursive=True)

    def within(self, name: str) -> Folder:
        return _StoreFolder(self._file(name))

    def _file(self, name: str) -> str:
        return f"{self.address.rstrip('/')}/{name}"


def store_of(address: str) -> tuple[Any, str]:
    """The file system of fsspec that an address names, and the path in it.

    Raises `ExtraError` if its package is not installed, and `DataError` for an unknown kind.
    """
    core = import_module("fsspec.core")  # which torch brings; slow to import, and seldom needed
    try:
        system, path = core.url_to_fs(address)
    except ImportError as error:
        raise ExtraError(f"{quoted(address)} cannot be reached: {error}") from None
    except ValueError as error:
        raise DataError(f"{quoted(address)} cannot be reached: {error}") from None
    return system, path


def read_all(addresses: Sequence[str]) -> list[bytes | Exception]:
    """The bytes of files of one store, fetched side by side; or why one could not be had."""
    if not addresses:
        return []
    with reaching(addresses[0]):
        system, _ = store_of(addresses[0])
        paths = [store_of(address)[1] for address in addresses]
        found = system.cat(paths, on_error="return")
        return [found] if isinstance(found, bytes) else [found[path] for path in paths]


@contextmanager
def reaching(address: str) -> Iterator[None]:
    """Whatever a store's client raises, as an `OSError` or a `DataError` that names the address."""
    try:
        yield
    except (CrosscamError, OSError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - every client has errors of its own
        words = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"cannot reach {quoted(address)}: {words}") from None
