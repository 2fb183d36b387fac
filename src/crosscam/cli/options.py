"""The options that several commands share, and how a data set is named."""

from pathlib import Path
from typing import Annotated

import typer

from crosscam.cli.watching import ConsoleWatcher
from crosscam.data.exclusion import without_listed
from crosscam.data.registry import load_dataset
from crosscam.types import ReIDDataset

Data = Annotated[
    str,
    typer.Option(
        "--data", metavar="NAME[:VARIANT]", help="Data set, such as people or market1501."
    ),
]
Root = Annotated[
    Path | None, typer.Option("--root", metavar="DIR", help="Folder that holds the data set.")
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="The run's folder.  [default: a new one in runs/]"),
]
Architecture = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="The model of a checkpoint whose file name does not begin with it.",
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the run that was stopped.")]
JsonFile = Annotated[
    Path | None,
    typer.Option(
        "--json", metavar="FILE", help="Write the figures as JSON; - for standard output."
    ),
]
Pattern = Annotated[
    str | None,
    typer.Option(
        "--pattern",
        metavar="PATTERN",
        help="Own pictures: how names say who it is, such as '{pid}_{camid}_*.jpg'.",
    ),
]
Table = Annotated[
    Path | None,
    typer.Option(
        "--table", metavar="FILE", help="Own pictures: a CSV file that says who is in which split."
    ),
]
Exclude = Annotated[
    Path | None,
    typer.Option("--exclude", metavar="FILE", help="Leave out the images that this file lists."),
]


def open_dataset(
    data: str,
    root: Path | None,
    *,
    pattern: str | None = None,
    table: Path | None = None,
    exclude: Path | None = None,
    multi_query: bool = False,
) -> ReIDDataset:
    """The data set of `--data NAME[:VARIANT] --root DIR` and the options beside them."""
    name, _, variant = data.partition(":")
    with ConsoleWatcher() as watcher:
        dataset = load_dataset(
            name,
            root,
            variant=variant or None,
            pattern=pattern,
            table=table,
            multi_query=multi_query,
            on_images=watcher.on_images,
        )
    return dataset if exclude is None else without_listed(dataset, exclude)
