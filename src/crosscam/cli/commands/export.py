"""What `crosscam export` is called with: a model, and what it is to become."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from crosscam.cli.commands.names import complete_data, complete_weights
from crosscam.cli.commands.options import DataOptions, Exclude, JsonFile, Pattern, Root, Table


@dataclass(frozen=True)
class ExportOptions:
    """What the exported file is like."""

    to: Annotated[
        Literal["onnx", "torch-export"], typer.Option("--to", help="The kind of file.")
    ] = "onnx"
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="The file.  [default: the model's name, here]"),
    ] = None
    with_preprocessing: Annotated[
        bool,
        typer.Option(
            "--with-preprocessing",
            help="Normalise in the file: it takes uint8 RGB, (N, height, width, 3).",
        ),
    ] = False
    half: Annotated[
        bool, typer.Option("--half", help="In float16; what it costs in mAP is measured.")
    ] = False
    int8: Annotated[
        Path | None,
        typer.Option(
            "--int8",
            metavar="PICTURES",
            help="In int8, calibrated with at most 128 pictures of a folder; measured, too.",
        ),
    ] = None
    force: Annotated[
        bool, typer.Option("--force", help="Replace a file that is there already.")
    ] = False


@dataclass(frozen=True)
class CostOptions:
    """What another precision is measured on."""

    name: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="NAME[:VARIANT]",
            autocompletion=complete_data,
            help="Data set that the cost of --half and --int8 is measured on.  [default: people]",
        ),
    ] = None
    root: Root = None
    pattern: Pattern = None
    table: Table = None
    exclude: Exclude = None

    @property
    def all(self) -> DataOptions:
        """The data set that is named, or the built-in people."""
        name = self.name or "people"
        return DataOptions(name, self.root, self.pattern, self.table, self.exclude)


def export(
    model: Annotated[
        str,
        typer.Argument(
            autocompletion=complete_weights,
            help="A run's folder, a published .pth.tar, or the name of published weights.",
        ),
    ],
    options: ExportOptions,
    data: CostOptions,
    json_file: JsonFile = None,
) -> None:
    """Write a model to one file for other runtimes, once it does there what it does here."""
    from crosscam.cli.export import export_to_file

    export_to_file(model, options, data, json_file=json_file)
