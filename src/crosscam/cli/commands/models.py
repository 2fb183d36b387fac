"""What `crosscam models` and `crosscam convert` are called with."""

from pathlib import Path
from typing import Annotated

import typer

from crosscam.cli.commands.names import complete_model
from crosscam.cli.commands.options import Architecture, Device, JsonFile


def models(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            autocompletion=complete_model,
            help="Which models, also timm/NAME; if none, all of ours.",
        ),
    ] = None,
    speed: Annotated[  # noqa: FBT002
        bool, typer.Option("--speed", help="Measure images a second on each runtime.")
    ] = False,
    device: Device = "auto",
    json_file: JsonFile = None,
) -> None:
    """List the models: parameters, multiply-adds and input size, of what features need."""
    from crosscam.cli.models import show_models

    show_models(names or (), speed=speed, device=device, json_file=json_file)


def convert(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, such as FILE.pth.tar.")],
    model: Architecture = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="A new folder.  [default: the file's name]"),
    ] = None,
) -> None:
    """Write a published checkpoint as safetensors, with all that is needed to use it."""
    from crosscam.cli.convert import convert_checkpoint

    convert_checkpoint(checkpoint, architecture=model, out=out)
