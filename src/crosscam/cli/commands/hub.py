"""What `crosscam push` is called with: a saved model, and where on the Hub it goes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True)
class PushOptions:
    """How the model is passed on."""

    private: Annotated[
        bool, typer.Option("--private", help="A new repository is one that only you see.")
    ] = False
    accept_terms: Annotated[
        bool,
        typer.Option(
            "--accept-terms", help="The terms of the training data let you pass the weights on."
        ),
    ] = False
    licence: Annotated[
        str | None,
        typer.Option(
            "--licence", metavar="WORDS", help="The weights' licence.  [default: what MODEL says]"
        ),
    ] = None
    force: Annotated[
        bool, typer.Option("--force", help="Replace the model that the repository has.")
    ] = False


def push(
    model: Annotated[Path, typer.Argument(help="A run's folder, or a converted model's.")],
    place: Annotated[
        str, typer.Argument(metavar="hf://OWNER/NAME", help="A repository; made if need be.")
    ],
    options: PushOptions,
) -> None:
    """Put a model on the Hugging Face Hub: its weights, its card, and a page made of the card."""
    from crosscam.cli.push import push_saved

    push_saved(model, place, options)
