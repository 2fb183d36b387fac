"""The table as LaTeX, by the package booktabs."""

from collections.abc import Callable, Sequence
from itertools import zip_longest

from crosscam.grid.table_layout import NOTHING, TITLE, Line, Sheet, SheetRow, Speed

_SPECIAL = str.maketrans(
    {
        **{character: f"\\{character}" for character in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': r"\textquotedbl{}",
        "±": r"$\pm$",
    }
)


def to_latex(sheet: Sheet) -> str:
    """A `table*` with a row an entry, a row of differences below it, and one of what was published.

    It needs the packages booktabs and, for the quotation mark, fontenc with T1; a comment says so.
    """
    body = "\n\\addlinespace\n".join("\n".join(_rows(row)) for row in sheet.rows)
    notes = [f"{_mark(number)} {escape(note)}" for number, note in enumerate(sheet.notes, 1)]
    below = " \\\\\n".join([*notes, " ".join(escape(sentence) for sentence in sheet.about)])
    titles = _row(["recipe", "parameters", "images/s", "", *map(escape, sheet.data)])
    return "\n".join(
        [
            r"% needs \usepackage[T1]{fontenc} and \usepackage{booktabs}",
            r"\begin{table*}",
            r"\centering\scriptsize",
            rf"\caption{{{escape(TITLE)}}}",
            rf"\begin{{tabular}}{{lrrl{'l' * len(sheet.data)}}}",
            r"\toprule",
            titles,
            r"\midrule",
            body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\par\medskip\raggedright",
            below,
            r"\end{table*}",
            "",
        ]
    )


def escape(text: str) -> str:
    """Text on one line, in which no character is a command."""
    return " ".join(text.split()).translate(_SPECIAL)


def _rows(row: SheetRow) -> Sequence[str]:
    """The lines of a recipe; its name and what it costs stand in the first ones."""
    bodies: list[list[str]] = []
    for lines in zip_longest(*(square.lines for square in row.squares)):
        bodies.append(["found", *_texts(lines, _figure)])
        if any(line and line.difference for line in lines):
            bodies.append(["difference", *_texts(lines, _difference)])
    bodies.append(["published", *(square.published or NOTHING for square in row.squares)])
    names = [escape(row.recipe)]
    speeds = [_speed(speed) for speed in row.speeds]
    heads = zip_longest(names, [row.parameters], speeds, bodies, fillvalue=None)
    empty = [""] * (len(row.squares) + 1)
    return [
        _row([name or "", parameters or "", speed or "", *(cells or empty)])
        for name, parameters, speed, cells in heads
    ]


def _texts(lines: Sequence[Line | None], say: Callable[[Line], str]) -> list[str]:
    return ["" if line is None else say(line) for line in lines]


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _figure(line: Line) -> str:
    words = escape(line.figure)
    if line.seeds:
        words += f", $n = {line.seeds}$"
    if line.others:
        words += f"; {escape(line.others)}"
    return words + _marks(line.notes)


def _difference(line: Line) -> str:
    return line.difference.replace("-", "$-$").replace("+", "$+$")


def _speed(speed: Speed) -> str:
    return speed.figure + _marks(speed.notes)


def _marks(notes: Sequence[int]) -> str:
    return _mark(", ".join(map(str, notes))) if notes else ""


def _mark(numbers: object) -> str:
    return rf"\textsuperscript{{{numbers}}}"
