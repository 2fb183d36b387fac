"""`crosscam resume`: a run's folder in, the run finished."""

from pathlib import Path
from typing import Annotated

import typer

from crosscam.cli.options import JsonFile, Root
from crosscam.cli.train import train_and_show
from crosscam.cli.watching import ConsoleWatcher
from crosscam.data.source import moved, open_source
from crosscam.recipe import parse_recipe
from crosscam.training.resuming import read_run


def resume(
    run: Annotated[Path, typer.Argument(help="A run's folder.")],
    root: Root = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change the test, or the machine's part."),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Go on with a run that was stopped or killed; test a finished one again.

    The run knows its recipe and data; --root says where the data have been moved to.
    """
    begun = read_run(run)
    text = begun.run.recipe.read_text(encoding="utf-8")
    recipe = parse_recipe(text, overrides or (), source=str(begun.run.recipe))
    source = begun.source if root is None else moved(begun.source, root)
    with ConsoleWatcher() as watcher:
        dataset = open_source(
            source,
            multi_query=recipe.test.multi_query is not None,
            on_images=watcher.on_images,
        )
    train_and_show(
        recipe,
        dataset,
        run,
        resume=True,
        with_baseline=begun.with_baseline,
        json_file=json_file,
    )
