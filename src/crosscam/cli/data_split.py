"""`crosscam data split`: own pictures into train, query and gallery."""

from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from crosscam.cli.options import JsonFile, Pattern, Table
from crosscam.cli.output import check_json_file, console_for, write_json
from crosscam.cli.split_summary import check_table_place, describe_split, show_split
from crosscam.data.folder import SEED, TRAIN, split_pictures
from crosscam.data.own_pictures import find_pictures
from crosscam.data.tables import warn_of_formulas, write_table
from crosscam.errors import DataError


def split(
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="The folder of the pictures.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.csv", help="The table to write.")],
    pattern: Pattern = None,
    table: Table = None,
    train: Annotated[float, typer.Option(help="Share of people to train on, 0 to 1.")] = TRAIN,
    seed: Annotated[int, typer.Option(min=0, help="What the people are drawn by.")] = SEED,
    force: Annotated[  # noqa: FBT002
        bool, typer.Option("--force", help="Replace FILE.csv if it is there.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Write a table that splits own pictures into train, query and gallery, to keep or change."""
    check_json_file(json_file)
    own = find_pictures(root, pattern=pattern, table=table)
    if own.is_split:
        raise DataError(f"{table or root} is split already; train on it as it is")
    check_table_place(out, own, root=root, labels=table, force=force)
    done = split_pictures(own, train=train, seed=seed)
    done = replace(done, notes=(*done.notes, *warn_of_formulas(done.pictures)))
    write_table(out, done.pictures)
    console = console_for(json_file)
    show_split(done, console)
    console.print(f"written: {out}")
    console.print(
        f"train on it: crosscam train RECIPE --data folder --root {quote(str(root))} "
        f"--table {quote(str(out))}"
    )
    write_json({"table": str(out), **describe_split(done, train=train, seed=seed)}, json_file)
