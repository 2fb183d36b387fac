"""A table of own pictures as a CSV file: who is in each, seen by which camera, in which split."""

import csv
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Literal, cast, get_args

from crosscam.data.labels import Picture, Split, tidy
from crosscam.data.search import is_file
from crosscam.errors import DataError
from crosscam.files import quoted, read_text_file, replacing

COLUMNS = ("path", "pid", "camid", "split")
_NEEDED = ("path", "pid")
_SPLITS = get_args(Split)
_WHOLE = re.compile(r"(-?[0-9]{1,15})\.0+")  # more digits than these, a float may have lost
_FLOAT = re.compile(r"[-+]?[0-9]*\.[0-9]*(e[-+]?[0-9]+)?|[-+]?[0-9]+e[-+]?[0-9]+", re.IGNORECASE)
_LARGE = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?e\+[0-9]+", re.IGNORECASE)
_FORMULA = re.compile(r"[=+@\t\r]|-(?![0-9]+$)")

TableLine = tuple[int, Sequence[str]]  # the number of a line, and its cells


def read_table(table: Path, *, root: Path) -> list[Picture]:
    """The pictures of a table, sorted by path, so that the order of its lines decides nothing.

    The first line names the columns: `path`, below `root`, or below the table's own folder where
    the root has no such file, relative or absolute, with slashes of either kind; `pid`;
    and, where they are known, `camid` and `split`, which is one of train, query, gallery and
    ignore. A column that is absent or empty is not known; it is known for all pictures or for
    none. Where a column of ids has decimals, as 3.0, they are read as the integers they are. Other
    columns are passed over. Raises `DataError`, with the number of the line, for whatever is wrong
    with one.
    """
    try:
        text = read_text_file(table)
    except UnicodeError as error:
        raise DataError(
            f"the table {quoted(table)} is not UTF-8 ({error}); save it as UTF-8"
        ) from None
    except OSError as error:
        raise DataError(f"cannot read the table {quoted(table)}: {error.strerror}") from None
    lines = table_lines(io.StringIO(text, newline=""), quoted(table))
    header = table_header(next(lines, (1, ())), quoted(table), known=COLUMNS, needed=_NEEDED)
    pictures = dict(_pictures(lines, header, table, root))
    if not pictures:
        raise DataError(f"the table {quoted(table)} has no pictures; add a line for each")
    for column in ("pid", "camid"):
        pictures = _with_whole_ids(pictures, column, table)
    for column in ("camid", "split"):
        _refuse_gaps(pictures, column, table)
    return sorted(pictures.values(), key=lambda picture: picture.path)


def write_table(table: Path, pictures: Iterable[Picture]) -> None:
    """Write a table that `read_table` reads, whole or not at all; odd names are quoted."""
    with (
        replacing(table) as beside,
        beside.open("w", encoding="utf-8", newline="") as file,
    ):
        plain = csv.writer(file, lineterminator="\n")
        all_quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        plain.writerow(COLUMNS)
        for _, path, pid, camid, split in pictures:
            row = (path, pid, camid or "", split or "")
            has_return = any("\r" in cell for cell in row)  # which a plain writer leaves bare
            (all_quoted if has_return else plain).writerow(row)


def warn_of_formulas(pictures: Iterable[Picture]) -> tuple[str, ...]:
    """Says, in one note, that a spreadsheet would take names in a table for formulas, if any."""
    cells = (cell for _, path, pid, camid, _ in pictures for cell in (path, pid, camid or ""))
    formulas = sorted({cell for cell in cells if _FORMULA.match(cell)})
    if not formulas:
        return ()
    note = (
        f"names that a spreadsheet takes for formulas: {len(formulas):,}, the first is "
        f"{quoted(formulas[0])}; rename them, or do not open the table in a spreadsheet"
    )
    return (note,)


def table_lines(file: Iterable[str], table: str) -> Iterator[TableLine]:
    """The lines of a CSV file that are not empty, each with the number at which it ends.

    Raises `DataError` that calls the file `table`.
    """
    reader = csv.reader(file, strict=True)
    try:
        yield from ((reader.line_num, cells) for cells in reader if cells)
    except csv.Error as error:
        raise DataError(f"{table}, line {reader.line_num}: {error}; mend its quotes") from None


def table_header(
    line: TableLine, table: str, *, known: Sequence[str], needed: Sequence[str]
) -> Mapping[str, int]:
    """Where each column stands, by its name in small letters, of the first line of `table`.

    Raises `DataError` if one of `needed` is missing, or if one of those `known` is there twice.
    """
    names = [name.strip().lower() for name in line[1]]
    missing = [name for name in needed if name not in names]
    if missing:
        raise DataError(
            f"{table}, line {line[0]}: no column {' and '.join(missing)}; the first line "
            f"names the columns, {','.join(known)}, with commas between them"
        )
    twice = [name for name in known if names.count(name) > 1]
    if twice:
        raise DataError(f"{table}, line {line[0]}: the column {twice[0]} is there twice")
    return {name: place for place, name in enumerate(names)}


def table_row(
    cells: Sequence[str], header: Mapping[str, int], *, known: Sequence[str]
) -> Mapping[str, str]:
    """The cells of a line by the names of the columns `known`. Raises `DataError` for a gap."""
    width = max(header.values()) + 1
    if len(cells) != width:
        raise DataError(
            f"{len(cells)} cells, but the first line has {width}; put quotes around a cell that "
            "has a comma"
        )
    return {name: cells[place] for name, place in header.items() if name in known}


def _pictures(
    lines: Iterable[TableLine], header: Mapping[str, int], table: Path, root: Path
) -> Iterator[tuple[int, Picture]]:
    seen: dict[str, int] = {}
    for number, cells in lines:
        try:
            picture = _picture(table_row(cells, header, known=COLUMNS), root, table.parent)
        except DataError as error:
            raise DataError(f"{quoted(table)}, line {number}: {error}") from None
        if picture.path in seen:
            raise DataError(
                f"{quoted(table)}, line {number}: {quoted(picture.path)} is in line "
                f"{seen[picture.path]}, too; remove one of them"
            )
        seen[picture.path] = number
        yield number, picture


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
    """The file that a path means, and the path below its folder without detours.

    It is meant as it is written, or else with its backslashes as slashes.
    """
    leads_out = False
    for text in dict.fromkeys((written, written.replace("\\", "/"))):
        for folder in (root, beside):
            path = _below(folder, PurePosixPath(text))
            leads_out |= path is None
            if path is not None and is_file(folder / path):
                return folder / path, str(path)
    if leads_out or PureWindowsPath(written).drive:
        raise DataError(
            f"the path {quoted(written)} leads out of the root; give paths below {quoted(root)}"
        )
    raise DataError(f"no such image: {written!r}, below {quoted(root)} or {quoted(beside)}")


def _below(folder: Path, path: PurePosixPath) -> PurePosixPath | None:
    """The path relative to the folder; None if it leads out of it."""
    if ".." in path.parts:
        return None
    if not path.is_absolute():
        return path
    for base in (os.path.abspath(folder), os.path.realpath(folder)):  # noqa: PTH100
        if path.is_relative_to(Path(base).as_posix()):
            return path.relative_to(Path(base).as_posix())
    return None


def _with_whole_ids(
    pictures: Mapping[int, Picture], column: Literal["pid", "camid"], table: Path
) -> dict[int, Picture]:
    """The pictures with ids that were written as floats, if any were, as integers again."""
    names = {number: getattr(picture, column) or "" for number, picture in pictures.items()}
    if not any(_WHOLE.fullmatch(name) or _LARGE.fullmatch(name) for name in names.values()):
        return dict(pictures)
    changed = dict(pictures)
    for number, name in names.items():
        whole = _WHOLE.fullmatch(name)
        if whole is not None:
            number_itself = str(int(whole[1]))
            changed[number] = (
                pictures[number]._replace(pid=number_itself)
                if column == "pid"
                else pictures[number]._replace(camid=number_itself)
            )
        elif _FLOAT.fullmatch(name):
            raise DataError(
                f"{quoted(table)}, line {number}: the {column} {name[:40]} is not a whole number "
                "of 15 digits at most, as others are that have decimals, too; write ids as integers"
            )
    return changed


def _refuse_gaps(pictures: Mapping[int, Picture], column: str, table: Path) -> None:
    known = {number: getattr(picture, column) is not None for number, picture in pictures.items()}
    if len(set(known.values())) > 1:
        without = next(number for number, there in known.items() if not there)
        given = next(number for number, there in known.items() if there)
        raise DataError(
            f"{quoted(table)}, line {without}: no {column}, but line {given} has one; give one to "
            "all pictures, or to none"
        )
