"""What `crosscam data` and its commands are called with."""

from pathlib import Path
from typing import Annotated

import typer

from crosscam.cli.commands.names import complete_data, complete_protocol
from crosscam.cli.commands.options import DataOptions, Exclude, JsonFile, Pattern, Root, Table


def list_data(json_file: JsonFile = None) -> None:
    """List the data sets by variant, with their published sizes, terms, and where to ask."""
    from crosscam.cli.data_table import show_data_sets

    show_data_sets(json_file)


def protocols(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", autocompletion=complete_protocol, help="One of them.  [default: all]"
        ),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """List the protocols of domain generalisation: their data sets, and what to type for each."""
    from crosscam.cli.data_table import show_studies

    show_studies(name, json_file)


def split(
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="The folder of the pictures.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.csv", help="The table to write.")],
    pattern: Pattern = None,
    table: Table = None,
    train: Annotated[float, typer.Option(help="Share of people to train on, 0 to 1.")] = 0.5,
    seed: Annotated[int, typer.Option(min=0, help="What the people are drawn by.")] = 0,
    force: Annotated[  # noqa: FBT002
        bool, typer.Option("--force", help="Replace FILE.csv if it is there.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Write a table that splits own pictures into train, query and gallery, to keep or change."""
    from crosscam.cli.data_split import split_own

    data = DataOptions("folder", root, pattern, table)
    split_own(data, out, train=train, seed=seed, force=force, json_file=json_file)


def check(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME[:VARIANT]", autocompletion=complete_data, help="The data set."
        ),
    ],
    root: Root = None,
    pattern: Pattern = None,
    table: Table = None,
    exclude: Exclude = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="Processes that open images.  [default: one a processor]"),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="FILE", help="Write a page with pictures of what is found."),
    ] = None,
    exclude_to: Annotated[
        Path | None,
        typer.Option(
            "--exclude-to",
            metavar="FILE",
            help="Write the list of faulty images, for --exclude of train and evaluate.",
        ),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Open every image of a data set, and say what is wrong with files and labels.

    Exits 0 when there are no faults (remarks are allowed), 1 with faults found, 2 when the data
    set cannot be read at all. Images are only read, never changed.
    """
    from crosscam.cli.data_check import check_data

    data = DataOptions(name, root, pattern, table, exclude)
    faults = check_data(data, jobs=jobs, page=page, exclude_to=exclude_to, json_file=json_file)
    if faults:
        raise typer.Exit(1)
