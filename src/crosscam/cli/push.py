"""`crosscam push`: a saved model in, a repository of the Hugging Face Hub out."""

from pathlib import Path

from crosscam.cli.commands.hub import PushOptions
from crosscam.cli.console import screen_for
from crosscam.weights.hub import parse_place
from crosscam.weights.hub_push import push_model


def push_saved(model: Path, place: str, options: PushOptions) -> None:
    """Put a saved model on the Hub, and say where it is."""
    where = parse_place(place)
    page = push_model(
        model,
        where,
        private=options.private,
        accept_terms=options.accept_terms,
        licence=options.licence,
        force=options.force,
    )
    screen_for(None).print(f"{where}: {page}")
