"""`crosscam data check`: what is wrong with a data set."""

from pathlib import Path
from typing import Annotated

import typer

import crosscam
from crosscam.checking.check import check_dataset
from crosscam.checking.leaving_out import choose_left_out
from crosscam.checking.page import write_page
from crosscam.cli.checkup import as_json, print_checkup
from crosscam.cli.options import Exclude, JsonFile, Pattern, Root, Table, open_dataset
from crosscam.cli.output import check_json_file, check_place, console_for, write_json
from crosscam.cli.watching import ConsoleWatcher
from crosscam.data.exclusion import list_paths, without_listed, write_listing
from crosscam.devices import count_processors
from crosscam.errors import RunError


def check(
    name: Annotated[str, typer.Argument(metavar="NAME[:VARIANT]", help="The data set.")],
    root: Root = None,
    pattern: Pattern = None,
    table: Table = None,
    exclude: Exclude = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="Processes that open images.  [default: one a processor]"),
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
    check_json_file(json_file)
    check_place("--page", page)
    check_place("--exclude-to", exclude_to)
    whole = open_dataset(name, root, pattern=pattern, table=table)
    _refuse_images(list_paths(whole), page, exclude_to, json_file)
    dataset = whole if exclude is None else without_listed(whole, exclude)
    with ConsoleWatcher() as watcher:
        checkup = check_dataset(
            dataset,
            jobs=jobs or count_processors(),
            on_images=watcher.on_images("checking", len(list_paths(dataset))),
        )
    console = console_for(json_file)
    print_checkup(checkup, console)
    if page is not None:
        write_page(page, checkup, version=crosscam.__version__)
        console.print(f"page: {page}")
    if exclude_to is not None:
        gone = list_paths(whole) - list_paths(dataset)
        left_out = dict.fromkeys(sorted(gone), f"listed in {exclude}")
        left_out |= choose_left_out(checkup.findings)
        write_listing(exclude_to, left_out, paths=list_paths(whole))
        console.print(f"images to leave out: {len(left_out):,}, listed in {exclude_to}")
    write_json(as_json(checkup), json_file)
    if checkup.num_faults:
        raise typer.Exit(1)


def _refuse_images(images: set[Path], *files: Path | None) -> None:
    places = {file.resolve() for file in files if file is not None}
    names = {place.name for place in places}
    for image in images:
        if image.name in names and image.resolve() in places:
            raise RunError(f"{image} is an image of the data set; write to another file")
