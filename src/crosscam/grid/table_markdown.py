"""The table as Markdown, whose figures are links to the reports of their runs."""

import html
import re
from collections.abc import Sequence

from crosscam.grid.table_layout import TITLE, Line, Sheet, SheetRow, Speed, Square


def to_markdown(sheet: Sheet) -> str:
    """A heading, the table, its notes, and what is to be known of all of it."""
    titles = ["recipe", "parameters", "images/s", *sheet.data]
    rows = [titles, ["---", "---:", "---:", *("---" for _ in sheet.data)]]
    rows += [_cells(row) for row in sheet.rows]
    notes = [f"{_mark(number)} {escape(note)}" for number, note in enumerate(sheet.notes, 1)]
    about = [escape(sentence) for sentence in sheet.about]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n\n".join([f"## {TITLE}", table, *notes, " ".join(about)]) + "\n"


def escape(text: str) -> str:
    """Text on one line, in which no character is markup."""
    one_line = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", one_line)


def _cells(row: SheetRow) -> list[str]:
    speeds = "<br>".join(_speed(speed) for speed in row.speeds)
    return [escape(row.recipe), row.parameters, speeds, *(_square(each) for each in row.squares)]


def _speed(speed: Speed) -> str:
    return speed.figure + _marks(speed.notes)


def _square(square: Square) -> str:
    published = [f"published: {square.published}"] if square.published else []
    return "<br>".join([*(_line(line) for line in square.lines), *published])


def _line(line: Line) -> str:
    words = f"[{line.figure}]({line.links[0].href})" if len(line.links) == 1 else line.figure
    if line.seeds:
        words += f", n = {line.seeds}"
    if len(line.links) > 1:
        seeds = ", ".join(f"[{link.seed}]({link.href})" for link in line.links)
        words += f" (seeds {seeds})"
    words += "".join(f"; {more}" for more in (line.difference, line.others) if more)
    return words + _marks(line.notes)


def _marks(notes: Sequence[int]) -> str:
    return _mark(", ".join(map(str, notes))) if notes else ""


def _mark(numbers: object) -> str:
    return f"<sup>{numbers}</sup>"
