"""What an experiment is to do, decided and refused before anything is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from crosscam.data.copies import note_copies
from crosscam.data.joining import DataSets, gather
from crosscam.devices import resolve_autocast, resolve_device
from crosscam.evaluation.run_test import resolve_settings
from crosscam.recipe import Recipe
from crosscam.training.environment import describe_environment
from crosscam.training.resuming import Begun, Changes, find_changes, read_run
from crosscam.training.run_folder import RunFolder, refuse_used, was_killed_before_it_began
from crosscam.types import ReIDDataset


@dataclass(frozen=True)
class Plan:
    """An experiment: its recipe, data and folder, and on what it is computed.

    `begun` is the run that is gone on with, None for a new one, and `changes` what is another now
    than when that began; `environment` is what `environment.json` says of what is computed now.
    """

    recipe: Recipe
    data: DataSets
    run: RunFolder
    begun: Begun | None
    changes: Changes
    device: torch.device
    autocast: bool
    environment: Mapping[str, Any]

    @property
    def dataset(self) -> ReIDDataset:
        """What is trained on; it has a test where there is but one data set."""
        return self.data.together

    @property
    def threads(self) -> int:
        """How many threads of the processor compute."""
        return int(self.environment["threads"])

    @property
    def with_baseline(self) -> bool:
        """Whether a colour histogram is scored beside the model."""
        return bool(self.environment["with_baseline"])

    @property
    def computed(self) -> Recipe:
        """The recipe with the number of threads that was chosen, where it leaves that open."""
        compute = self.recipe.compute.model_copy(update={"threads": self.threads})
        return self.recipe.model_copy(update={"compute": compute})

    @property
    def is_trained(self) -> bool:
        """Whether training is complete, so that only the test is left, or is done again."""
        return self.begun is not None and self.begun.is_trained

    def in_words(self) -> str:
        """Where and how it is computed, and from where it goes on."""
        place = f"{self.device} ({self.environment['device_name']})"
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        arithmetic = "bfloat16 by autocast" if self.autocast else "float32"
        loaders = f"{self.recipe.workers} process{'es' if self.recipe.workers != 1 else ''}"
        how = f"{threads}, {arithmetic}, images loaded by {loaders}"
        if self.is_trained:
            return f"training is complete, testing on {place}, {how}"
        if self.begun is None or self.begun.next_step == (0, 0):
            return f"training on {place}, {how}"
        epoch, iteration = self.begun.next_step
        epochs = self.recipe.schedule.epochs
        return (
            f"going on with epoch {epoch + 1} of {epochs}, step {iteration + 1}, on {place}, {how}"
        )


def make_plan(
    recipe: Recipe, data: DataSets, folder: Path, *, resume: bool, with_baseline: bool
) -> Plan:
    """The experiment that trains `recipe` on `data` in `folder`, or goes on with what is there.

    The plan's data note the copies that the recipe's protocol does not rule out. Raises any
    `CrosscamError` for what cannot be.
    """
    recipe.refuse_asking()
    data = gather(
        [_noted(one, recipe) for one in data.trained_on],
        [_noted(one, recipe) for one in data.only_tested],
    )
    device = resolve_device(recipe.device)
    begun = None
    if resume and not was_killed_before_it_began(folder):
        begun = read_run(folder)
    else:
        refuse_used(folder)
    arithmetic = recipe.compute.autocast if begun is None else begun.autocast(recipe)
    autocast = resolve_autocast(arithmetic, device)
    threads = recipe.compute.threads if begun is None else begun.threads(recipe)
    environment = describe_environment(
        recipe,
        data,
        device=device,
        autocast=autocast,
        threads=threads or torch.get_num_threads(),
        with_baseline=with_baseline,
    )
    changes = Changes((), ()) if begun is None else find_changes(begun, recipe, environment)
    return Plan(recipe, data, RunFolder(folder), begun, changes, device, autocast, environment)


def _noted(dataset: ReIDDataset, recipe: Recipe) -> ReIDDataset:
    """A data set with the copies noted that the protocol of its test does not rule out."""
    settings = resolve_settings(recipe, dataset)
    if not dataset.has_cameras:  # they were noted when it was read
        return dataset
    return note_copies(dataset, protocol=settings.protocol)
