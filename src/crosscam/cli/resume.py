"""`crosscam resume`: a run's folder in, the run finished."""

from collections.abc import Sequence
from pathlib import Path

from crosscam.cli.train import train_and_show
from crosscam.cli.watching import ConsoleWatcher
from crosscam.data.source import moved_all, open_sources
from crosscam.recipe import parse_recipe
from crosscam.training.resuming import read_run


def resume_run(
    run: Path, overrides: Sequence[str], *, roots: Sequence[Path], json_file: Path | None
) -> None:
    """Go on with a run on its own data, or on those below `roots`, one for all or one for each."""
    begun = read_run(run)
    text = begun.run.recipe.read_text(encoding="utf-8")
    recipe = parse_recipe(text, overrides, source=str(begun.run.recipe))
    sources = moved_all(begun.sources, roots) if roots else begun.sources
    with ConsoleWatcher() as watcher:
        data = open_sources(
            sources,
            multi_query=recipe.test.multi_query is not None,
            on_images=watcher.on_images,
        )
    train_and_show(
        recipe,
        data,
        run,
        resume=True,
        with_baseline=begun.with_baseline,
        json_file=json_file,
    )
