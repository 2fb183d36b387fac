"""`crosscam convert`: a published checkpoint in, `model.safetensors` with `model.json` out."""

from pathlib import Path
from typing import Annotated

import typer

from crosscam.cli.options import Architecture
from crosscam.errors import RunError
from crosscam.files import making_folder, safe_name
from crosscam.weights.load import open_checkpoint
from crosscam.weights.saved import save_card, save_weights


def convert(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint, such as FILE.pth.tar.")],
    model: Architecture = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="A new folder.  [default: the file's name]"),
    ] = None,
) -> None:
    """Write a published checkpoint as safetensors, with all that is needed to use it."""
    folder = out or Path(safe_name(checkpoint.name.split(".")[0]))
    if folder.exists():
        raise RunError(f"{folder} is there already; give --out the name of a new folder")
    network, card = open_checkpoint(checkpoint, architecture=model)
    with making_folder(folder) as beside:
        digest = save_weights(beside, network)
        save_card(beside, card.model_copy(update={"weights_sha256": digest}))
    if card.source is not None:
        typer.echo(f"weights from {card.source}")
    typer.echo(
        f"{folder}: {card.architecture}, {card.num_classes} classes, trained on "
        f"{card.trained_on.data}; terms: {card.trained_on.terms}"
    )
