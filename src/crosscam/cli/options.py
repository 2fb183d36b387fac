"""The options that several commands share, and how a data set is named."""

from pathlib import Path
from typing import Annotated

import typer

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


def open_dataset(data: str, root: Path | None) -> ReIDDataset:
    """The data set of `--data NAME[:VARIANT] --root DIR`."""
    name, _, variant = data.partition(":")
    return load_dataset(name, root, variant=variant or None)
