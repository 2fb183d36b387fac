"""`crosscam data`: the data sets, splitting own pictures, and what is wrong with either."""

import typer

from crosscam.cli.data_check import check
from crosscam.cli.data_split import split
from crosscam.cli.data_table import print_about, to_json
from crosscam.cli.options import JsonFile
from crosscam.cli.output import check_json_file, console_for, write_json
from crosscam.data.registry import READERS

data = typer.Typer(name="data", help="Data sets and own pictures.", rich_markup_mode=None)
data.command()(split)
data.command()(check)


@data.callback()
def group() -> None:
    """Data sets and own pictures."""


@data.command("list")
def list_command(json_file: JsonFile = None) -> None:
    """List the data sets by variant, with their published sizes, terms, and where to ask."""
    check_json_file(json_file)
    print_about(READERS, console_for(json_file))
    write_json({"datasets": [to_json(name, reader) for name, reader in READERS.items()]}, json_file)
