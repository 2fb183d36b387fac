"""Going on with a run: what it began with, what may be another now, and what is noted of that."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosscam.data.source import Sources, source_of_json
from crosscam.errors import RecipeError, RunError
from crosscam.files import write_text
from crosscam.recipe import Recipe, parse_recipe
from crosscam.training.environment import differences
from crosscam.training.run_folder import RunFolder, load_checkpoint
from crosscam.types import DataSource
from crosscam.weights.saved import WEIGHTS_FILE

_MACHINE = {"device", "workers", "compute"}  # what a recipe says of the machine
_OF_THE_TEST = (
    *("data_fingerprint", "test_fingerprint", "data_counts", "left_out", "notes"),
    *("data_source", "data_sets", "with_baseline"),
)


@dataclass(frozen=True)
class Begun:
    """A run that was begun: its folder, recipe and environment, and how far its checkpoint is.

    `next_step` is (epoch, iteration) from 0.
    """

    run: RunFolder
    recipe: Recipe
    environment: Mapping[str, Any]
    next_step: tuple[int, int]

    @property
    def is_trained(self) -> bool:
        """Whether training is complete, so that only the test is left, or can be done again."""
        return self.next_step[0] >= self.recipe.schedule.epochs

    @property
    def sources(self) -> Sources:
        """Where the run's data were. Raises `RunError` if it does not say so."""
        known = _sources(self.environment)
        if known is None:
            raise RunError(
                f"{self.run.path} does not say where its data are; go on with crosscam train, the "
                f"run's recipe and data, --resume and --out {self.run.path}"
            )
        return known

    @property
    def with_baseline(self) -> bool:
        """Whether a colour histogram is scored beside the model."""
        return self.environment.get("with_baseline") is True

    def threads(self, recipe: Recipe) -> int:
        """The recipe's number of threads, or that which was chosen when the run began."""
        chosen = self.environment.get("threads")
        return recipe.compute.threads or (chosen if isinstance(chosen, int) else 0)

    def autocast(self, recipe: Recipe) -> str:
        """The recipe's arithmetic; for "auto", that which was chosen when the run began."""
        chosen = self.environment.get("autocast")
        is_open = recipe.compute.autocast == "auto" and chosen in ("none", "bf16")
        return str(chosen) if is_open else recipe.compute.autocast


@dataclass(frozen=True)
class Changes:
    """What is another than when a run began, in words: of the machine, and of the test."""

    machine: Sequence[str]
    test: Sequence[str]


def read_sources(path: Path) -> Sources | None:
    """Where the data of a run were; None if there is no run, or if it does not say so.

    `path` is the run's folder or its `model.safetensors`.
    """
    run = RunFolder(path.parent if path.name == WEIGHTS_FILE else path)
    return _sources(run.read_environment()) if run.environment.is_file() else None


def _sources(environment: Mapping[str, Any]) -> Sources | None:
    """What `environment.json` says; older ones name the data alone, which built-in ones need."""
    if several := environment.get("data_sets"):
        return _sources_of_several(several)
    known = source_of_json(environment.get("data_source"))
    is_built_in = known is None and environment.get("data") == "people"
    source = DataSource("people") if is_built_in else known
    return None if source is None else Sources((source,))


def _sources_of_several(data_sets: Any) -> Sources | None:
    """What is said of several data sets; None where one of them does not say where it was."""
    known = data_sets if isinstance(data_sets, list) else []
    entries = [entry for entry in known if isinstance(entry, Mapping)]
    found = [source_of_json(entry.get("data_source")) for entry in entries]
    sources = [source for source in found if source is not None]
    trained_on = [entry.get("trained_on") is True for entry in entries]
    if len(sources) < len(entries) or not any(trained_on):
        return None
    pairs = list(zip(sources, trained_on, strict=True))
    return Sources(
        tuple(source for source, trained in pairs if trained),
        tuple(source for source, trained in pairs if not trained),
    )


def read_run(folder: Path) -> Begun:
    """The run that `folder` holds. Raises `RunError` if it holds none, or a broken one."""
    run = RunFolder(folder)
    if not run.recipe.is_file() or not run.environment.is_file():
        raise RunError(f"there is no run to resume in {folder}: looked for {run.recipe.name} there")
    try:
        recipe = parse_recipe(run.recipe.read_text(encoding="utf-8"), source=str(run.recipe))
    except (OSError, UnicodeDecodeError, RecipeError) as error:
        raise RunError(f"{folder} cannot be resumed: {error}") from None
    environment = run.read_environment()
    state = load_checkpoint(run) or {"next_step": (0, 0)}
    try:
        epoch, iteration = map(int, state["next_step"])
    except (TypeError, ValueError):
        raise RunError(f"{run.checkpoint} is broken; remove it to start this run anew") from None
    return Begun(run, recipe, environment, (epoch, iteration))


def find_changes(begun: Begun, recipe: Recipe, environment: Mapping[str, Any]) -> Changes:
    """What is another now than when the run began.

    The machine's part of the recipe may be (device, workers, compute), but for the arithmetic,
    which the weights would show. So may the test and what is tested on, where the epoch is not yet
    to be chosen by it. Raises `RunError` for anything else, and for other training images.
    """
    before, now = begun.recipe, recipe
    chooses_by_test = before.selection.keep == "best" and not begun.is_trained
    free = _MACHINE if chooses_by_test else _MACHINE | {"test"}
    changed = _changed(before.model_dump(exclude=free), now.model_dump(exclude=free))
    arithmetic = before.compute.autocast, now.compute.autocast
    if arithmetic[0] != arithmetic[1]:
        changed.append("compute.autocast was {}, is {}".format(*arithmetic))
    if changed:
        raise RunError(
            f"{begun.run.path} was started with another recipe ({'; '.join(changed[:3])}); "
            "resume it with the same settings, or start a new run in another folder"
        )
    _refuse_other_data(begun, environment)
    test = _changed(before.model_dump(include={"test"}), now.model_dump(include={"test"}))
    images = "test_fingerprint"
    if begun.environment.get(images, environment[images]) != environment[images]:
        test.append(
            f"the test images were of fingerprint {begun.environment[images]}, are of "
            f"{environment[images]}"
        )
    return Changes(differences(begun.environment, environment), test)


def note_changes(
    begun: Begun, recipe: Recipe, environment: Mapping[str, Any], changes: Changes
) -> None:
    """Write into the run's folder what it goes on with, and that this is another than before.

    So `recipe.toml` and `environment.json` say what the rest is computed with, and `resumed_with`
    and `test_changes` there what was so until when.
    """
    noted: dict[str, Any] = {**begun.environment}
    if begun.is_trained:
        noted |= {key: environment[key] for key in _OF_THE_TEST}
        _add(noted, "test_changes", (*changes.test, *changes.machine))
    else:
        noted |= {**environment, "initial_weights": _start(begun, environment)}
        epoch, iteration = begun.next_step
        place = f"from epoch {epoch + 1}, step {iteration + 1} on"
        _add(noted, "resumed_with", (place, *changes.machine) if changes.machine else ())
        _add(noted, "test_changes", changes.test)
    if noted != begun.environment:
        write_text(begun.run.environment, json.dumps(noted, indent=2) + "\n")
    if recipe != begun.recipe:
        write_text(begun.run.recipe, recipe.to_toml())


def _start(begun: Begun, environment: Mapping[str, Any]) -> Any:
    return begun.environment.get("initial_weights", environment["initial_weights"])


def _add(environment: dict[str, Any], key: str, words: Sequence[str]) -> None:
    if words:
        environment[key] = [*environment.get(key, ()), list(words)]


def _refuse_other_data(begun: Begun, environment: Mapping[str, Any]) -> None:
    """What is trained on has to be the same; older runs know only what all of the data were."""
    before = begun.environment
    key = "train_fingerprint" if "train_fingerprint" in before else "data_fingerprint"
    if any(before.get(part) != environment[part] for part in ("data", key)):
        raise RunError(
            f"{begun.run.path} was started on other data ({before.get('data')}, fingerprint "
            f"{before.get(key)}; now {environment['data']}, {environment[key]}); resume it on the "
            "same files"
        )


def _changed(before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    changes = []
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            changes += _changed(old, new, f"{prefix}{key}.")
        elif old != new:
            changes.append(f"{prefix}{key} was {old}, is {new}")
    return changes
