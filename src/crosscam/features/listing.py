"""From what a user names to a stream of pictures: folders, single files, tables, addresses."""

import codecs
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from crosscam.data.labels import tidy
from crosscam.data.patterns import NamePattern, parse_pattern
from crosscam.data.search import is_file
from crosscam.data.tables import table_header, table_lines, table_row
from crosscam.data.tree import is_read, walk_images
from crosscam.errors import DataError, InputError
from crosscam.features.addresses import is_address, plain, reaching, store_of
from crosscam.files import open_plain, quoted

_COLUMNS = ("path", "pid", "camid", "time")
_TABLE_END = ".csv"
_UNKNOWN_SIZE = -1
_MARKS = (  # the longer ones first: that of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8-sig"),
)


class Listed(NamedTuple):
    """A picture to embed: what it is called, where it is, its bytes (or -1), and who is in it.

    The names of the person, the camera and the time are None where nothing says them.
    """

    path: str
    source: str
    size: int
    pid: str | None = None
    camid: str | None = None
    time: str | None = None


@dataclass(frozen=True)
class Pictures:
    """What a user named, checked; made by `name_pictures`."""

    named: tuple[str, ...]
    pattern: NamePattern | None

    def __iter__(self) -> Iterator[Listed]:
        """The pictures, one at a time: those of a folder by path, those of a table as it has them.

        Raises `DataError` for what is not there or cannot be read, and a folder without pictures.
        """
        for place in self.named:
            if place.lower().endswith(_TABLE_END) and not Path(place).is_dir():
                yield from _of_table(place)
            elif is_address(place):
                yield from _of_store(place, self.pattern)
            else:
                yield from _of_disk(place, self.pattern)


def name_pictures(
    pictures: Sequence[str | os.PathLike[str]] | str | os.PathLike[str],
    *,
    pattern: str | None = None,
) -> Pictures:
    """The pictures of folders, files, tables and addresses, none of them opened yet.

    `pattern` says what paths below a folder, and names of single files, tell of who is in them;
    see `parse_pattern`. Raises `DataError` for a pattern that is none and for what is not there.
    """
    given = [pictures] if isinstance(pictures, str | os.PathLike) else list(pictures)
    if not given:
        raise InputError("name pictures, folders of them, or a table")
    named = tuple(plain(place) for place in given)
    for place in named:
        if not is_address(place) and not os.path.lexists(place):
            raise DataError(f"there is no picture, folder or table {quoted(place)}")
    return Pictures(named, None if pattern is None else parse_pattern(pattern))


def _of_disk(place: str, pattern: NamePattern | None) -> Iterator[Listed]:
    path = Path(place)
    if not path.is_dir():
        yield _labelled(_text(place), str(path.absolute()), _size(path), path.name, pattern)
        return
    count, source = 0, path.absolute()
    for below in walk_images(path):
        if is_read(below):
            file = path / below
            count += 1
            yield _labelled(_text(str(file)), f"{source}/{below}", _size(file), below, pattern)
    if not count:
        raise DataError(f"no images below {quoted(place)}; give the folder that holds them")


def _of_store(address: str, pattern: NamePattern | None) -> Iterator[Listed]:
    with reaching(address):
        system, root = store_of(address)
        if system.isfile(root):
            size = system.size(root)
            yield _labelled(address, address, size, address.rpartition("/")[2], pattern)
            return
        count = 0
        try:
            for below, size in _walk_store(system, root):
                file = f"{address.rstrip('/')}/{below}"
                count += 1
                yield _labelled(file, file, size, below, pattern)
        except FileNotFoundError:
            raise DataError(f"there is no picture, folder or table {quoted(address)}") from None
    if not count:
        raise DataError(f"no images below {quoted(address)}; give the folder that holds them")


def _walk_store(system: object, root: str) -> Iterator[tuple[str, int]]:
    """The pictures below a folder of a store, sorted, with their bytes, a folder at a time."""
    base = root.rstrip("/")
    pending: list[tuple[str, int]] = [("", _UNKNOWN_SIZE)]
    while pending:
        below, size = pending.pop()
        if below and not below.endswith("/"):
            yield below, size
            continue
        inside: list[tuple[str, int]] = []
        for entry in system.ls(f"{base}/{below}".rstrip("/"), detail=True):  # type: ignore[attr-defined]
            name = entry["name"].rstrip("/").rpartition("/")[2]
            if name.startswith(".") or not name:
                continue
            if entry["type"] == "directory":
                inside.append((f"{below}{name}/", _UNKNOWN_SIZE))
            elif is_read(name):
                known = entry.get("size")
                inside.append((f"{below}{name}", _UNKNOWN_SIZE if known is None else known))
        pending += sorted(inside, reverse=True)


def _labelled(path: str, source: str, size: int, below: str, pattern: NamePattern | None) -> Listed:
    fields = pattern.fields(below) if pattern is not None else None
    found = fields or {}
    return Listed(path, source, size, found.get("pid"), found.get("camid"), found.get("time"))


def _text(path: str) -> str:
    try:
        path.encode()
    except UnicodeEncodeError:
        raise DataError(
            f"{path!a} has a name that is not UTF-8, so no table can hold it; rename it"
        ) from None
    return path


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        raise DataError(f"no such image: {quoted(path)}") from None
    except OSError as error:
        raise DataError(f"cannot read image {quoted(path)}: {error.strerror}") from None


def _of_table(table: str) -> Iterator[Listed]:
    """The pictures of a CSV file, in its order, while no more is held than a line."""
    name = quoted(table)
    with _table_text(table) as text:
        try:
            lines = table_lines(text, name)
            header = table_header(next(lines, (1, ())), name, known=_COLUMNS, needed=("path",))
            count = 0
            for number, cells in lines:
                try:
                    row = table_row(cells, header, known=_COLUMNS)
                    yield _of_row(row, table)
                except DataError as error:
                    raise DataError(f"{name}, line {number}: {error}") from None
                count += 1
        except UnicodeError as error:
            raise DataError(f"the table {name} is not UTF-8 ({error}); save it as UTF-8") from None
    if not count:
        raise DataError(f"the table {name} has no pictures; add a line for each")


def _table_text(table: str) -> io.TextIOWrapper:
    """A table as text with a mark of its encoding taken off, to be read line by line."""
    try:
        if is_address(table):
            system, path = store_of(table)
            with reaching(table):
                file = system.open(path, "rb")
        else:
            file = open_plain(table)
        start = file.read(4)
        file.seek(0)
    except FileNotFoundError:
        raise DataError(f"there is no table {quoted(table)}") from None
    except OSError as error:
        raise DataError(f"cannot read the table {quoted(table)}: {error.strerror}") from None
    encoding = next((words for mark, words in _MARKS if start.startswith(mark)), "utf-8")
    return io.TextIOWrapper(file, encoding=encoding, newline="")


def _of_row(row: Mapping[str, str], table: str) -> Listed:
    written = row["path"]
    if not written or "\0" in written:
        raise DataError(f"the path {written!r} names no file")
    labels = (tidy(row.get(column, "")) or None for column in ("pid", "camid", "time"))
    if is_address(written):
        return Listed(written, written, _UNKNOWN_SIZE, *labels)
    if is_address(table):
        below = f"{table.rpartition('/')[0]}/{written}"
        return Listed(written, below, _UNKNOWN_SIZE, *labels)
    for text in dict.fromkeys((written, written.replace("\\", "/"))):
        file = Path(table).parent / PurePosixPath(text)
        if is_file(file):
            return Listed(written, str(file.absolute()), _size(file), *labels)
    raise DataError(f"no such image: {quoted(written)}, below {quoted(Path(table).parent)}")
