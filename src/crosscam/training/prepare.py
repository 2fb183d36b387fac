"""What training starts from, made and tried before anything is trained."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from crosscam.data.holdout import hold_out, set_aside
from crosscam.data.joining import sets_of
from crosscam.data.transforms import Preprocess
from crosscam.decisions.calibrating import refuse_few_pairs
from crosscam.devices import repeatable
from crosscam.embedding.samples import labels_of
from crosscam.errors import DataError, InputError, RecipeError
from crosscam.models.base import (
    MEMORY_FORMATS,
    ReIDModel,
    default_preprocess,
    set_memory_format,
)
from crosscam.recipe import Recipe
from crosscam.training.batches import epoch_batches, epoch_in_words
from crosscam.training.optimizers import parameter_groups
from crosscam.training.step import LabelledBatch
from crosscam.types import Batch, Int64s, ReIDDataset, Sample
from crosscam.weights.create import create_model
from crosscam.weights.downloads import OnBytes


@dataclass(frozen=True)
class Training:
    """What training starts from.

    `labels` is (N,) int64, the class of each of the N samples. `chosen_by` holds the people held
    out of training to choose an epoch by, None where the last is kept; `calibrated_by` are the
    samples of those held out to calibrate by, which may be none. `epoch` says in words how long an
    epoch is, and `sets`, (N,) int64, which of several data sets each sample is of, None for one.
    """

    recipe: Recipe
    model: ReIDModel
    preprocess: Preprocess
    samples: Sequence[Sample]
    labels: Tensor
    chosen_by: ReIDDataset | None
    calibrated_by: Sequence[Sample]
    device: torch.device
    autocast: bool
    epoch: str
    sets: Int64s | None = None

    def on_device(self, batch: Batch) -> LabelledBatch:
        """A batch with its classes, where and how the model wants it."""
        memory_format = MEMORY_FORMATS[self.recipe.compute.memory_format]
        images = batch.images.to(self.device, non_blocking=True, memory_format=memory_format)
        camids = None if batch.camids is None else batch.camids.to(self.device)
        return LabelledBatch(images, camids, self.labels[batch.indices].to(self.device))


def prepare(
    recipe: Recipe,
    dataset: ReIDDataset,
    *,
    weights: str,
    device: torch.device,
    autocast: bool,
    on_bytes: OnBytes | None = None,
    on_note: Callable[[str], None] | None = None,
) -> Training:
    """All that training by `recipe` on the training people of `dataset` starts from.

    `weights` are the recipe's, or "none" where a checkpoint will replace them. `on_bytes` is told
    how far they are fetched, where they have to be; `on_note`, what was done to read them.

    The model is made, and tried on an empty picture, and the first epoch is planned: so whatever
    of the recipe cannot work, alone or with these data, is refused here with a `CrosscamError`.
    """
    calibrated_by, samples = _held_to_calibrate(recipe, dataset)
    chosen_by = _held_to_choose(recipe, samples, dataset.name)
    if chosen_by is not None:
        samples = chosen_by.train
    sets = sets_of(samples, dataset.first_pids)
    first_epoch = epoch_batches(samples, recipe.batch, seed=recipe.seed, epoch=0, sets=sets)
    _refuse_to_stay_frozen(recipe, len(first_epoch))
    classes, labels = np.unique([sample.pid for sample in samples], return_inverse=True)
    camids = sorted({sample.camid for sample in samples if sample.camid is not None})
    with repeatable(recipe.compute.threads):
        torch.manual_seed(recipe.seed)
        model = create_model(
            recipe.model,
            num_classes=len(classes),
            num_cameras=len(camids),
            weights=weights,
            head=recipe.head,
            on_bytes=on_bytes,
            on_note=on_note,
        )
        if model.cameras is not None:
            model.cameras.tell(camids)
        with torch.inference_mode():
            model.eval()(torch.zeros(1, 3, recipe.input.height, recipe.input.width))
    parameter_groups(model, recipe.optimizer)
    model.to(device)
    set_memory_format(model, recipe.compute.memory_format)
    return Training(
        recipe,
        model,
        replace(default_preprocess(model), **recipe.input.model_dump()),
        samples,
        torch.from_numpy(labels),
        chosen_by,
        calibrated_by,
        device,
        autocast,
        epoch_in_words(first_epoch, samples, recipe.batch),
        sets,
    )


def _refuse_to_stay_frozen(recipe: Recipe, iterations: int) -> None:
    """Raise `RecipeError` if all steps of training, in epochs of so many, would be frozen."""
    steps = recipe.schedule.epochs * iterations
    if recipe.schedule.frozen_steps >= steps:
        raise RecipeError(
            f"schedule.frozen_steps is {recipe.schedule.frozen_steps} of some {steps} steps, so "
            "that nothing but the model's end would learn; lower it, or raise schedule.epochs"
        )


def _held_to_calibrate(
    recipe: Recipe, dataset: ReIDDataset
) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """The samples held out to calibrate by, and the rest. Raises `CrosscamError` for too few."""
    if not dataset.train:
        raise DataError(f"data set {dataset.name!r} has no training images")
    share = recipe.calibration.held_out
    if not share:
        return (), dataset.train
    held, rest = set_aside(dataset.train, share=share, seed=recipe.seed)
    try:
        refuse_few_pairs(*labels_of(held))
    except InputError as error:
        raise DataError(
            f"calibration.held_out is {share:g} of the training people: {error}; raise it, or set "
            "it to 0"
        ) from None
    return held, rest


def _held_to_choose(recipe: Recipe, samples: Sequence[Sample], name: str) -> ReIDDataset | None:
    if recipe.selection.keep == "last":
        return None
    return hold_out(
        samples,
        share=recipe.selection.held_out,
        seed=recipe.seed,
        name=f"{name} (held out of training)",
    )
