"""The options that several commands share; those that belong together are one value."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from crosscam.choices import Metric, Protocol
from crosscam.cli.commands.names import complete_data, complete_model

_DATA = "NAME[:VARIANT]"

Root = Annotated[
    Path | None, typer.Option("--root", metavar="DIR", help="Folder that holds the data set.")
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
Roots = Annotated[
    list[Path] | None,
    typer.Option(
        "--root",
        metavar="DIR",
        help="Folder that holds the data sets; or one for each that needs one, in their order.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="The run's folder.  [default: a new one in runs/]"),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting of the recipe."),
]
Architecture = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        autocompletion=complete_model,
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
ByProtocol = Annotated[
    Protocol | None,
    typer.Option(
        "--protocol",
        help="Which gallery images count: without those of the query's person and camera; all; one "
        "image a person; or, of the query's person, those in other or in the same clothes alone.  "
        "[default: the data set's own]",
    ),
]
Device = Annotated[str, typer.Option("--device", help='"auto", "cpu", "cuda" or "cuda:1".')]


@dataclass(frozen=True)
class DataOptions:
    """Which data: a data set's name, where it is, and how own pictures say who is in them."""

    name: Annotated[
        str,
        typer.Option(
            "--data",
            metavar=_DATA,
            autocompletion=complete_data,
            help="Data set, such as people or market1501.",
        ),
    ]
    root: Root = None
    pattern: Pattern = None
    table: Table = None
    exclude: Exclude = None


@dataclass(frozen=True)
class RunDataOptions:
    """Which data, of a command that a run is given to, whose own data are the default."""

    name: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar=_DATA,
            autocompletion=complete_data,
            help="Data set.  [default: what the model was trained on]",
        ),
    ] = None
    root: Root = None
    pattern: Pattern = None
    table: Table = None
    exclude: Exclude = None

    def of(self, trained_on: str) -> DataOptions:
        """The data set that is named, or `trained_on` if none is."""
        name = self.name or trained_on
        return DataOptions(name, self.root, self.pattern, self.table, self.exclude)


@dataclass(frozen=True)
class ManyDataOptions:
    """Which data sets, in their order, and which root is whose."""

    names: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            metavar=_DATA,
            autocompletion=complete_data,
            help="Data set; give it again for a further one.  [default: what the model was "
            "trained on]",
        ),
    ] = None
    roots: Roots = None
    pattern: Pattern = None
    table: Table = None
    exclude: Exclude = None


@dataclass(frozen=True)
class TrainDataOptions:
    """Which data sets are trained on as one, which are only tested on, and which root is whose."""

    names: Annotated[
        list[str],
        typer.Option(
            "--data",
            metavar=_DATA,
            autocompletion=complete_data,
            help="Data set, such as people or market1501; give it again to train on several.",
        ),
    ]
    only_tested: Annotated[
        list[str] | None,
        typer.Option(
            "--test",
            metavar=_DATA,
            autocompletion=complete_data,
            help="Data set that is not trained on, only tested on; give it again for a further "
            "one.",
        ),
    ] = None
    roots: Roots = None
    pattern: Pattern = None
    table: Table = None
    exclude: Exclude = None


@dataclass(frozen=True)
class LoadingOptions:
    """Where a model runs, and how images are loaded for it."""

    device: Device = "auto"
    workers: Annotated[
        int, typer.Option("--workers", min=0, help="Processes that load images.")
    ] = 2
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Images a batch.")] = 100


@dataclass(frozen=True)
class ModelOptions:
    """How a model is run; and, of an ONNX file that does not say so itself, how it is used."""

    runtime: Annotated[
        Literal["auto", "torch", "onnx", "openvino"] | None,
        typer.Option(
            "--runtime",
            help="What computes; auto measures which is fastest.  [default: see the command]",
        ),
    ] = None
    precision: Annotated[
        Literal["float32", "bf16"],
        typer.Option("--precision", help="The arithmetic; bf16 gives other features, faster."),
    ] = "float32"
    input_size: Annotated[
        str | None,
        typer.Option(
            "--input",
            metavar="HEIGHTxWIDTH",
            help="An ONNX file of others: the size of its images, such as 256x128.",
        ),
    ] = None
    mean: Annotated[
        tuple[float, float, float] | None,
        typer.Option("--mean", help="The same: the mean of each colour.  [default: ImageNet's]"),
    ] = None
    std: Annotated[
        tuple[float, float, float] | None,
        typer.Option("--std", help="The same: the spread of each colour.  [default: ImageNet's]"),
    ] = None
    metric: Annotated[
        Metric | None,
        typer.Option("--metric", help="The same: by which its features are compared."),
    ] = None
