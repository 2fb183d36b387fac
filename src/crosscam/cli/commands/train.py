"""What `crosscam demo`, `crosscam train` and `crosscam resume` are called with."""

from pathlib import Path
from typing import Annotated

import typer

from crosscam.cli.commands.names import complete_recipe
from crosscam.cli.commands.options import (
    JsonFile,
    Out,
    Overrides,
    Resume,
    Roots,
    TrainDataOptions,
)


def demo(out: Out = None, resume: Resume = False, json_file: JsonFile = None) -> None:  # noqa: FBT002
    """Train a small model on the built-in rendered people, test it, and write a report."""
    from crosscam.cli.demo import train_demo

    train_demo(out, resume=resume, json_file=json_file)


def train(
    recipe: Annotated[
        str,
        typer.Argument(autocompletion=complete_recipe, help="A recipe's name, or a .toml file."),
    ],
    data: TrainDataOptions,
    overrides: Overrides = None,
    out: Out = None,
    resume: Resume = False,  # noqa: FBT002
    baseline: Annotated[  # noqa: FBT002
        bool, typer.Option("--baseline", help="Score a colour histogram beside the model.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Train a recipe on a data set, or on several as one, test it, and write a report."""
    from crosscam.cli.train import train_recipe

    train_recipe(
        recipe,
        overrides or (),
        data,
        out,
        resume=resume,
        with_baseline=baseline,
        json_file=json_file,
    )


def resume(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    roots: Roots = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the test, or the machine's part."),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Go on with a run that was stopped or killed; test a finished one again.

    The run knows its recipe and data; --root says where the data have been moved to.
    """
    from crosscam.cli.resume import resume_run

    resume_run(run, overrides or (), roots=roots or (), json_file=json_file)
