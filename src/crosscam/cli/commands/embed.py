"""What `crosscam embed` is called with: pictures, a model, and where their features go."""

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from crosscam.cli.commands.names import complete_model, complete_weights
from crosscam.cli.commands.options import JsonFile, LoadingOptions, ModelOptions


@dataclass(frozen=True)
class FeatureOptions:
    """What is made of the pictures."""

    pattern: Annotated[
        str | None,
        typer.Option(
            "--pattern",
            metavar="PATTERN",
            help="How paths say who it is, and when, such as '{pid}_{camid}_{time}.jpg'.",
        ),
    ] = None
    dtype: Annotated[
        Literal["float32", "float16"], typer.Option("--dtype", help="Type of the features.")
    ] = "float32"
    flip: Annotated[
        bool, typer.Option("--flip", help="Mean of the features of a picture and its mirror image.")
    ] = False


@dataclass(frozen=True)
class WorkOptions:
    """How the work is done."""

    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(
            "--engine", help="This machine, or a Ray cluster, which must reach all paths."
        ),
    ] = "local"
    actors: Annotated[
        int | None,
        typer.Option(
            "--actors",
            min=1,
            help="Processes of Ray, each with the model.  [default: its GPUs, or processors]",
        ),
    ] = None
    skip_broken: Annotated[
        bool, typer.Option("--skip-broken", help="Leave out and count pictures that are broken.")
    ] = False
    force: Annotated[
        bool, typer.Option("--force", help="Begin anew, and replace a file that is there.")
    ] = False


def embed(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="PICTURES...",
            help="Folders, pictures, CSV tables with a column path; or addresses such as s3://...",
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="MODEL",
            autocompletion=complete_weights,
            help="A run's folder, a published .pth.tar, the name of published weights, or an .onnx "
            "file.",
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            "--out", metavar="FILE", help="Where the features go: a .parquet or an .npz file."
        ),
    ],
    features: FeatureOptions,
    loading: LoadingOptions,
    work: WorkOptions,
    how_run: ModelOptions,
    architecture: Annotated[
        str | None,
        typer.Option(
            "--architecture",
            metavar="NAME",
            autocompletion=complete_model,
            help="The model of a checkpoint whose file name does not begin with it.",
        ),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Make a file of the features of pictures.

    The same command goes on where it was stopped.
    """
    from crosscam.cli.embed import embed_pictures

    embed_pictures(
        pictures,
        model,
        out,
        features,
        loading,
        work,
        how_run,
        architecture=architecture,
        json_file=json_file,
    )
