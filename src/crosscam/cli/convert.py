"""`crosscam convert`: a published checkpoint in, `model.safetensors` with `model.json` out."""

from pathlib import Path

from crosscam.cli.console import screen_for
from crosscam.errors import RunError
from crosscam.files import making_folder, safe_name
from crosscam.weights.load import open_checkpoint
from crosscam.weights.saved import save_card, save_weights


def convert_checkpoint(checkpoint: Path, *, architecture: str | None, out: Path | None) -> None:
    """Write a published checkpoint into a new folder as a saved model."""
    folder = out or Path(safe_name(checkpoint.name.split(".")[0]))
    if folder.exists():
        raise RunError(f"{folder} is there already; give --out the name of a new folder")
    network, card = open_checkpoint(checkpoint, architecture=architecture)
    with making_folder(folder) as beside:
        digest = save_weights(beside, network)
        save_card(beside, card.model_copy(update={"weights_sha256": digest}))
    screen = screen_for(None)
    if card.source is not None:
        screen.print(f"weights from {card.source}")
    screen.print(
        f"{folder}: {card.architecture}, {card.num_classes} classes, trained on "
        f"{card.trained_on.data}; terms: {card.trained_on.terms}"
    )
