"""`crosscam resume`: a run's folder in, the run finished."""

from collections.abc import Sequence
from pathlib import Path

from crosscam.cli.train import train_and_show
from crosscam.cli.watching import ConsoleWatcher
from crosscam.data.source import moved, open_source
from crosscam.recipe import parse_recipe
from crosscam.training.resuming import read_run


def resume_run(
    run: Path, overrides: Sequence[str], *, root: Path | None, json_file: Path | None
) -> None:
    """Go on with a run on its own data, or on those below `root`."""
    begun = read_run(run)
    text = begun.run.recipe.read_text(encoding="utf-8")
    recipe = parse_recipe(text, overrides, source=str(begun.run.recipe))
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
