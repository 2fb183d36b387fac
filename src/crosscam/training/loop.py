"""The training loop, to be read downward."""

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from torch import Tensor

from crosscam.data.holdout import hold_out, set_aside
from crosscam.data.transforms import Preprocess
from crosscam.decisions.calibrating import refuse_few_pairs
from crosscam.devices import repeatable
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.samples import labels_of
from crosscam.errors import DataError, InputError, RunError, TrainingError
from crosscam.evaluation.evaluate import evaluate
from crosscam.losses.total import LossWeights, loss_parts
from crosscam.models.base import (
    MEMORY_FORMATS,
    ReIDModel,
    default_preprocess,
    run_model,
    set_memory_format,
)
from crosscam.recipe import Recipe
from crosscam.training.batches import Step, epoch_batches, training_batches
from crosscam.training.freezing import set_learning
from crosscam.training.run_folder import RunFolder, load_checkpoint, save_checkpoint
from crosscam.training.schedule import create_optimizer, learning_rate
from crosscam.training.stopping import StopRequest
from crosscam.types import Batch, ModelOutput, ReIDDataset, Sample
from crosscam.weights.create import create_model
from crosscam.weights.downloads import OnBytes

CHECKPOINT_SECONDS = 300.0  # within an epoch; each epoch's end is a checkpoint too
_STEP = 3  # a random stream of its own, beside those of the data


@dataclass(frozen=True)
class StepRecord:
    """What a step did: the loss by part, the learning rate, how many pictures, of which epochs."""

    step: Step
    epochs: int
    parts: dict[str, float]
    lr: float
    images: int


@dataclass(frozen=True)
class Training:
    """What training starts from.

    `labels` is (N,) int64, the class of each of the N samples. `chosen_by` holds the people held
    out of training to choose an epoch by, None where the last is kept; `calibrated_by` are the
    samples of those held out to calibrate by, which may be none.
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

    def on_device(self, batch: Batch) -> tuple[Tensor, Tensor | None, Tensor]:
        """The images of a batch, their cameras and their classes, where the model wants them."""
        memory_format = MEMORY_FORMATS[self.recipe.compute.memory_format]
        images = batch.images.to(self.device, non_blocking=True, memory_format=memory_format)
        camids = None if batch.camids is None else batch.camids.to(self.device)
        return images, camids, self.labels[batch.indices].to(self.device)


@dataclass(frozen=True)
class Trained:
    """A trained model on its device, ready to embed, and what it was trained on.

    `epoch`, from 1, is the one whose weights were kept; `calibrated_by` are the samples that were
    held out of training to calibrate by, which may be none.
    """

    model: ReIDModel
    preprocess: Preprocess
    epoch: int
    identities: int
    images: int
    calibrated_by: Sequence[Sample]


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
    epoch_batches(samples, recipe.batch, seed=recipe.seed, epoch=0)
    classes, labels = np.unique([sample.pid for sample in samples], return_inverse=True)
    with repeatable(recipe.compute.threads):
        torch.manual_seed(recipe.seed)
        model = create_model(
            recipe.model,
            num_classes=len(classes),
            weights=weights,
            on_bytes=on_bytes,
            on_note=on_note,
        )
        with torch.inference_mode():
            model.eval()(torch.zeros(1, 3, recipe.input.height, recipe.input.width))
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
    )


def train(
    training: Training,
    run: RunFolder,
    *,
    stop: StopRequest,
    on_step: Callable[[StepRecord], None] | None = None,
) -> Trained:
    """Train from the run's checkpoint on, or from the start where it has none.

    Raises `Interrupted` if `stop` asks for it, with a checkpoint written, and `TrainingError` if
    the loss is no longer a number.
    """
    recipe, model, chosen_by = training.recipe, training.model, training.chosen_by
    weights = LossWeights(**recipe.loss.model_dump())
    on_gpu = training.device.type == "cuda"

    with repeatable(recipe.compute.threads):
        optimizer = create_optimizer(recipe.optimizer, model)
        progress = _Progress.restored(run, model, optimizer)
        batches = training_batches(
            training.samples,
            recipe,
            training.preprocess,
            start=progress.next_step,
            pin_memory=on_gpu,
        )
        with run.log.open("a", encoding="utf-8") as log, closing(batches):
            _cut_back(log, run.log, progress.log_bytes)
            saved_at = time.monotonic()
            for step, batch in batches:
                torch.manual_seed(_step_seed(recipe.seed, step))
                lr = learning_rate(recipe.schedule, recipe.optimizer.lr, step.epochs_done)
                for group in optimizer.param_groups:
                    group["lr"] = lr

                frozen = step.epoch < recipe.schedule.frozen_epochs
                set_learning(model, classifiers_alone=frozen)
                images, camids, labels = training.on_device(batch)
                with torch.autocast(images.device.type, torch.bfloat16, enabled=training.autocast):
                    output = run_model(model, images, camids)
                assert isinstance(output, ModelOutput)
                parts = loss_parts(output, labels, weights)
                loss = torch.stack(list(parts.values())).sum()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()

                record = _record(step, recipe, parts, lr, len(images))
                _log(log, record)
                if on_step:
                    on_step(record)
                if step.ends_epoch and chosen_by and _is_due(recipe, step):
                    progress.best = _better(progress.best, training, chosen_by, step, log)

                late = time.monotonic() - saved_at > CHECKPOINT_SECONDS
                if step.ends_epoch or late or stop.signal_number is not None:
                    os.fsync(log.fileno())
                    progress.next_step, progress.log_bytes = step.next, log.tell()
                    progress.save(run, model, optimizer)
                    saved_at = time.monotonic()
                stop.obey(
                    f"in epoch {step.epoch + 1} of {recipe.schedule.epochs}, after step "
                    f"{step.iteration + 1} of {step.iterations}; the state is saved"
                )

    epoch = recipe.schedule.epochs
    if progress.best is not None:
        model.load_state_dict(progress.best["model"])
        epoch = progress.best["epoch"]
    return Trained(
        model.eval(),
        training.preprocess,
        epoch,
        model.num_classes,
        len(training.samples),
        training.calibrated_by,
    )


@dataclass
class _Progress:
    """How far training is; with the model and the optimiser, all that a checkpoint holds."""

    next_step: tuple[int, int]
    log_bytes: int
    best: dict[str, Any] | None

    @classmethod
    def restored(
        cls, run: RunFolder, model: ReIDModel, optimizer: torch.optim.Optimizer
    ) -> "_Progress":
        state = load_checkpoint(run)
        if state is None:
            return cls((0, 0), 0, None)
        try:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            epoch, iteration = state["next_step"]
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise RunError(
                f"{run.checkpoint} is not of this run ({str(error).splitlines()[0]}); "
                "remove it to start the run anew"
            ) from None
        return cls((epoch, iteration), state["log_bytes"], state["best"])

    def save(self, run: RunFolder, model: ReIDModel, optimizer: torch.optim.Optimizer) -> None:
        state = {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "next_step": self.next_step,
            "log_bytes": self.log_bytes,
            "best": self.best,
        }
        save_checkpoint(run, state)


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


def _step_seed(seed: int, step: Step) -> int:
    """For dropout: a step draws the same wherever training was resumed."""
    sequence = np.random.SeedSequence([_STEP, seed, step.epoch, step.iteration])
    return int(sequence.generate_state(1, np.uint64)[0])


def _record(
    step: Step, recipe: Recipe, parts: dict[str, Tensor], lr: float, images: int
) -> StepRecord:
    values = {name: float(part.detach()) for name, part in parts.items()}
    for name, value in values.items():
        if not math.isfinite(value):
            raise TrainingError(
                f"the {name} loss is {value} in epoch {step.epoch + 1}, step {step.iteration + 1}: "
                "training has diverged; lower optimizer.lr or raise schedule.warmup_epochs"
            )
    return StepRecord(step, recipe.schedule.epochs, values, lr, images)


def _log(log: TextIO, record: StepRecord) -> None:
    line = {
        "epoch": record.step.epoch + 1,
        "step": record.step.iteration + 1,
        "steps": record.step.iterations,
        "loss": sum(record.parts.values()),
        **record.parts,
        "lr": record.lr,
        "time": round(time.time(), 3),
    }
    log.write(json.dumps(line) + "\n")
    log.flush()


def _cut_back(log: TextIO, path: Path, size: int) -> None:
    """Cut a log to the size that the checkpoint knows; a shorter one to its last whole line."""
    if log.tell() < size:
        size = path.read_bytes().rfind(b"\n") + 1
    log.truncate(size)


def _is_due(recipe: Recipe, step: Step) -> bool:
    epoch = step.epoch + 1
    return epoch % recipe.selection.every == 0 or epoch == recipe.schedule.epochs


def _better(
    best: dict[str, Any] | None,
    training: Training,
    chosen_by: ReIDDataset,
    step: Step,
    log: TextIO,
) -> dict[str, Any] | None:
    """The better of the best epoch so far and this one, by mAP on the people held out."""
    model, recipe = training.model, training.recipe
    scores = evaluate(
        Embedder.of_network(model, training.preprocess, recipe.test.metric),
        chosen_by,
        batch_size=recipe.test.batch_size,
        workers=recipe.workers,
    )
    line = {"epoch": step.epoch + 1, "held_out": {"mAP": scores.mAP, "rank1": scores.at_rank(1)}}
    log.write(json.dumps(line) + "\n")
    log.flush()
    if best is not None and best["mAP"] >= scores.mAP:
        return best
    state = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    return {"mAP": scores.mAP, "epoch": step.epoch + 1, "model": state}
