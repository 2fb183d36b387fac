"""Training from Python, as `crosscam train` does from the command line."""

import os
from collections.abc import Sequence
from pathlib import Path

from crosscam.data.joining import gather
from crosscam.experiment.finish import Experiment
from crosscam.experiment.run import run_experiment
from crosscam.experiment.watcher import SilentWatcher, Watcher
from crosscam.recipe import Recipe, load_recipe, parse_recipe
from crosscam.types import ReIDDataset


def train(
    recipe: Recipe | str | os.PathLike[str],
    dataset: ReIDDataset | Sequence[ReIDDataset],
    out: str | os.PathLike[str],
    *,
    test: Sequence[ReIDDataset] = (),
    overrides: Sequence[str] = (),
    resume: bool = False,
    with_baseline: bool = False,
    watcher: Watcher | None = None,
) -> Experiment:
    """Train `recipe` on `dataset`, test it, and leave a run's folder at `out`.

        run = crosscam.train("lightres-xent-htri", crosscam.load_dataset("people"), "runs/first")
        run.scores.mAP, run.embedder.embed(["a.jpg"]), run.folder / "report.html"

    Several data sets, `[dataset, other]`, are trained on as one, each person and camera kept apart,
    and each is tested on; those of `test` are only tested on. `run.outcomes` has what each test
    gave, by the data set's name; `run.scores` are those of the first.

    `recipe` is a built-in recipe's name, a `.toml` file or a `Recipe`; `overrides` change its
    settings, as in `["schedule.epochs=2", "batch.size=32"]`. `out` is a new folder, or an empty
    one, or with `resume` that of a run of the same recipe and data, which is gone on with: killed
    at any moment it ends with the same bits. Of a run whose training is complete only the test is
    done. `with_baseline` scores a colour histogram beside the model. `watcher` is told how far it
    is; without one, notes are given as `CrosscamWarning`.

    Raises any `CrosscamError`, whatever can be before training; `Interrupted` if Ctrl-C, SIGTERM
    or SIGHUP stopped it, with its state saved.
    """
    if isinstance(recipe, Recipe):
        stated = parse_recipe(recipe.to_toml(), overrides, source="given") if overrides else recipe
    else:
        stated = load_recipe(recipe, overrides)
    return run_experiment(
        stated,
        gather([dataset] if isinstance(dataset, ReIDDataset) else dataset, test),
        Path(out),
        resume=resume,
        with_baseline=with_baseline,
        watcher=watcher or SilentWatcher(),
    )
