"""`crosscam data check`: what is wrong with a data set."""

from dataclasses import replace
from pathlib import Path

import crosscam
from crosscam.checking.check import check_dataset
from crosscam.checking.leaving_out import choose_left_out
from crosscam.checking.page import write_page
from crosscam.cli.checkup import as_json, print_checkup
from crosscam.cli.commands.options import DataOptions
from crosscam.cli.console import screen_for
from crosscam.cli.data_sets import open_dataset
from crosscam.cli.output import check_json_file, check_place, write_json
from crosscam.cli.watching import ConsoleWatcher
from crosscam.data.exclusion import list_paths, without_listed, write_listing
from crosscam.devices import count_processors
from crosscam.errors import RunError


def check_data(
    data: DataOptions,
    *,
    jobs: int | None,
    page: Path | None,
    exclude_to: Path | None,
    json_file: Path | None,
) -> int:
    """Check a data set, show and write what is found; returns the number of faults."""
    check_json_file(json_file)
    check_place("--page", page)
    check_place("--exclude-to", exclude_to)
    whole = open_dataset(replace(data, exclude=None))
    _refuse_images(list_paths(whole), page, exclude_to, json_file)
    dataset = whole if data.exclude is None else without_listed(whole, data.exclude)
    with ConsoleWatcher() as watcher:
        checkup = check_dataset(
            dataset,
            jobs=jobs or count_processors(),
            on_images=watcher.on_images("checking", len(list_paths(dataset))),
        )
    console = screen_for(json_file)
    print_checkup(checkup, console)
    if page is not None:
        write_page(page, checkup, version=crosscam.__version__)
        console.print(f"page: {page}")
    if exclude_to is not None:
        gone = list_paths(whole) - list_paths(dataset)
        left_out = dict.fromkeys(sorted(gone), f"listed in {data.exclude}")
        left_out |= choose_left_out(checkup.findings)
        write_listing(exclude_to, left_out, paths=list_paths(whole))
        console.print(f"images to leave out: {len(left_out):,}, listed in {exclude_to}")
    write_json(as_json(checkup), json_file)
    return checkup.num_faults


def _refuse_images(images: set[Path], *files: Path | None) -> None:
    places = {file.resolve() for file in files if file is not None}
    names = {place.name for place in places}
    for image in images:
        if image.name in names and image.resolve() in places:
            raise RunError(f"{image} is an image of the data set; write to another file")
