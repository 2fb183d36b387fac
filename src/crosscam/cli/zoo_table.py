"""`crosscam zoo table`: the published table again, from the runs of a grid."""

import os
from collections.abc import Mapping
from pathlib import Path

from crosscam.cli.commands.zoo import Format
from crosscam.cli.console import screen_for
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

_BY_SUFFIX: Mapping[str, Format] = {
    ".md": "markdown",
    ".html": "html",
    ".csv": "csv",
    ".tex": "latex",
    ".json": "json",
}


def write_grid_table(
    runs: Path, kind: Format | None, out: Path | None, *, json_file: Path | None
) -> None:
    """Make the table of a grid's runs, and write it to a file or to standard output."""
    check_json_file(json_file)
    check_place("--out", out)
    kind = kind or _told_by(out)
    table = Table.of(read_results(runs), all_figures())
    text = render(table, kind, prefix=_way(out, runs))
    if out is not None:
        write_text(out, text)
    else:
        screen = screen_for(json_file)
        for line in text.splitlines():
            screen.print(line)
    write_json(table.model_dump(mode="json"), json_file)


def render(table: Table, kind: Format, *, prefix: str) -> str:
    """The table as text; `prefix` leads from where it will stand to the grid's folder."""
    match kind:
        case "markdown":
            return to_markdown(lay_out(table, prefix=prefix))
        case "html":
            return to_html(lay_out(table, prefix=prefix))
        case "latex":
            return to_latex(lay_out(table, prefix=prefix))
        case "csv":
            return to_csv(table)
        case "json":
            return table.model_dump_json(indent=2) + "\n"


def _told_by(out: Path | None) -> Format:
    if out is None:
        return "markdown"
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
