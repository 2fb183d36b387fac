"""`crosscam zoo table`: the published table again, from the runs of a grid."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from crosscam.cli.options import JsonFile
from crosscam.cli.output import check_json_file, check_place, write_json
from crosscam.errors import InputError
from crosscam.files import write_text
from crosscam.grid.results import read_results
from crosscam.grid.table import Table
from crosscam.grid.table_csv import to_csv
from crosscam.grid.table_latex import to_latex
from crosscam.grid.table_layout import lay_out
from crosscam.grid.table_markdown import to_markdown
from crosscam.grid.table_page import to_html
from crosscam.zoo.figures import all_figures


class Format(StrEnum):
    """What the table is written as."""

    MARKDOWN = "markdown"
    HTML = "html"
    CSV = "csv"
    LATEX = "latex"
    JSON = "json"


_BY_SUFFIX = {
    ".md": Format.MARKDOWN,
    ".html": Format.HTML,
    ".csv": Format.CSV,
    ".tex": Format.LATEX,
    ".json": Format.JSON,
}


def table_command(
    runs: Annotated[Path, typer.Option("--runs", metavar="DIR", help="The grid's folder.")] = Path(
        "runs/zoo"
    ),
    kind: Annotated[
        Format | None,
        typer.Option(
            "--format", help="What to write.  [default: by the name of --out, else markdown]"
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write to a file, not to standard output."),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Make the published table again from what `crosscam zoo run` trained."""
    check_json_file(json_file)
    check_place("--out", out)
    kind = kind or _told_by(out)
    table = Table.of(read_results(runs), all_figures())
    text = render(table, kind, prefix=_way(out, runs))
    if out is not None:
        write_text(out, text)
    else:
        stream = sys.stderr if str(json_file) == "-" else sys.stdout
        stream.write(text)
    write_json(table.model_dump(mode="json"), json_file)


def render(table: Table, kind: Format, *, prefix: str) -> str:
    """The table as text; `prefix` leads from where it will stand to the grid's folder."""
    match kind:
        case Format.MARKDOWN:
            return to_markdown(lay_out(table, prefix=prefix))
        case Format.HTML:
            return to_html(lay_out(table, prefix=prefix))
        case Format.LATEX:
            return to_latex(lay_out(table, prefix=prefix))
        case Format.CSV:
            return to_csv(table)
        case Format.JSON:
            return table.model_dump_json(indent=2) + "\n"


def _told_by(out: Path | None) -> Format:
    if out is None:
        return Format.MARKDOWN
    if out.suffix.lower() not in _BY_SUFFIX:
        raise InputError(
            f"--out {out}: its name does not say what to write; give --format, or end it in "
            f"{', '.join(_BY_SUFFIX)}"
        )
    return _BY_SUFFIX[out.suffix.lower()]


def _way(out: Path | None, runs: Path) -> str:
    """From the folder of `out`, or the current one, to the grid's."""
    start = Path() if out is None else out.parent
    way = Path(os.path.relpath(runs.resolve(), start.resolve())).as_posix()
    return "" if way == "." else f"{way}/"
