"""`crosscam data split`: own pictures into train, query and gallery."""

from dataclasses import replace
from pathlib import Path
from shlex import quote

from crosscam.cli.commands.options import DataOptions
from crosscam.cli.console import screen_for
from crosscam.cli.output import check_json_file, write_json
from crosscam.cli.split_summary import check_table_place, describe_split, show_split
from crosscam.data.folder import split_pictures
from crosscam.data.own_pictures import find_pictures
from crosscam.data.tables import warn_of_formulas, write_table
from crosscam.errors import DataError


def split_own(
    data: DataOptions,
    out: Path,
    *,
    train: float,
    seed: int,
    force: bool,
    json_file: Path | None,
) -> None:
    """Write a table that splits own pictures, and show how much there is of each split."""
    root, table = data.root or Path(), data.table
    check_json_file(json_file)
    own = find_pictures(root, pattern=data.pattern, table=table)
    if own.is_split:
        raise DataError(f"{table or root} is split already; train on it as it is")
    check_table_place(out, own, root=root, labels=table, force=force)
    done = split_pictures(own, train=train, seed=seed)
    done = replace(done, notes=(*done.notes, *warn_of_formulas(done.pictures)))
    write_table(out, done.pictures)
    console = screen_for(json_file)
    show_split(done, console)
    console.print(f"written: {out}")
    console.print(
        f"train on it: crosscam train RECIPE --data folder --root {quote(str(root))} "
        f"--table {quote(str(out))}"
    )
    write_json({"table": str(out), **describe_split(done, train=train, seed=seed)}, json_file)
