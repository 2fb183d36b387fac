"""A table of own pictures as a CSV file: who is in each, seen by which camera, in which split."""

import csv
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import cast, get_args

from crosscam.data.labels import Picture, Split, tidy
from crosscam.errors import DataError
from crosscam.files import replacing

COLUMNS = ("path", "pid", "camid", "split")
_NEEDED = ("path", "pid")
_SPLITS = get_args(Split)

_Line = tuple[int, Sequence[str]]


def read_table(table: Path, *, root: Path) -> list[Picture]:
    """The pictures of a table, sorted by path, so that the order of its lines decides nothing.

    The first line names the columns: `path`, relative to `root`, or to the table's own folder where
    the root has no such file; `pid`; and, where they are known, `camid` and `split`, which is one
    of train, query, gallery and ignore. A column that is absent or empty is not known; it is known
    for all pictures or for none. Other columns are passed over. Raises `DataError`, with the number
    of the line, for whatever is wrong with one.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            lines = _lines(file, table)
            header = _header(next(lines, (1, ())), table)
            pictures = dict(_pictures(lines, header, table, root))
    except UnicodeDecodeError as error:
        raise DataError(f"the table {table} is not UTF-8 ({error}); save it as UTF-8") from None
    except OSError as error:
        raise DataError(f"cannot read the table {table}: {error.strerror}") from None
    if not pictures:
        raise DataError(f"the table {table} has no pictures; add a line for each")
    for column in ("camid", "split"):
        _refuse_gaps(pictures, column, table)
    return sorted(pictures.values(), key=lambda picture: picture.path)


def write_table(table: Path, pictures: Iterable[Picture]) -> None:
    """Write a table that `read_table` reads, whole or not at all."""
    with (
        replacing(table) as beside,
        beside.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for _, path, pid, camid, split in pictures:
            writer.writerow((path, pid, camid or "", split or ""))


def _lines(file: Iterable[str], table: Path) -> Iterator[_Line]:
    """The lines that are not empty, with the number at which each ends."""
    reader = csv.reader(file, strict=True)
    try:
        yield from ((reader.line_num, cells) for cells in reader if cells)
    except csv.Error as error:
        raise DataError(f"{table}, line {reader.line_num}: {error}; mend its quotes") from None


def _header(line: _Line, table: Path) -> Mapping[str, int]:
    names = [name.strip().lower() for name in line[1]]
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise DataError(
            f"{table}, line {line[0]}: no column {' and '.join(missing)}; the first line names the "
            f"columns, {','.join(COLUMNS)}, with commas between them"
        )
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if twice:
        raise DataError(f"{table}, line {line[0]}: the column {twice[0]} is there twice")
    return {name: place for place, name in enumerate(names)}


def _pictures(
    lines: Iterable[_Line], header: Mapping[str, int], table: Path, root: Path
) -> Iterator[tuple[int, Picture]]:
    seen: dict[str, int] = {}
    for number, cells in lines:
        try:
            picture = _picture(_row(cells, header), root, table.parent)
        except DataError as error:
            raise DataError(f"{table}, line {number}: {error}") from None
        if picture.path in seen:
            raise DataError(
                f"{table}, line {number}: {picture.path} is in line {seen[picture.path]}, too; "
                "remove one of them"
            )
        seen[picture.path] = number
        yield number, picture


def _row(cells: Sequence[str], header: Mapping[str, int]) -> Mapping[str, str]:
    width = max(header.values()) + 1
    if len(cells) != width:
        raise DataError(
            f"{len(cells)} cells, but the first line has {width}; put quotes around a cell that "
            "has a comma"
        )
    return {name: cells[place] for name, place in header.items() if name in COLUMNS}


def _picture(row: Mapping[str, str], root: Path, beside: Path) -> Picture:
    pid, camid = tidy(row["pid"]), tidy(row.get("camid", ""))
    split = row.get("split", "").strip().lower()
    if not pid:
        raise DataError("the pid is empty; say who it is, or -1 for junk")
    if split and split not in _SPLITS:
        raise DataError(f"unknown split {split!r}; it is one of {', '.join(_SPLITS)}")
    file, path = _locate(row["path"], root, beside)
    return Picture(file, path, pid, camid or None, cast("Split", split) if split else None)


def _locate(written: str, root: Path, beside: Path) -> tuple[Path, str]:
    """The file that a path means, and the path without detours."""
    path = PurePosixPath(written)
    if path.is_absolute() or Path(path).is_absolute() or ".." in path.parts:
        raise DataError(f"the path {path} leads out of the root; give paths below {root}")
    for folder in (root, beside):
        if os.path.isfile(folder / path):  # noqa: PTH113 - a name that no file can have is none
            return folder / path, str(path)
    raise DataError(f"no such image: {written!r}, below {root} or {beside}")


def _refuse_gaps(pictures: Mapping[int, Picture], column: str, table: Path) -> None:
    known = {number: getattr(picture, column) is not None for number, picture in pictures.items()}
    if len(set(known.values())) > 1:
        without = next(number for number, there in known.items() if not there)
        given = next(number for number, there in known.items() if there)
        raise DataError(
            f"{table}, line {without}: no {column}, but line {given} has one; give one to all "
            "pictures, or to none"
        )
