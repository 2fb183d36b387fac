"""The training loop, to be read downward."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import torch
from torch import Tensor

from crosscam.data.transforms import Preprocess
from crosscam.devices import repeatable
from crosscam.embedding.embedder import Embedder
from crosscam.errors import Interrupted
from crosscam.evaluation.evaluate import evaluate
from crosscam.models.base import ReIDModel
from crosscam.recipe import Recipe
from crosscam.training.batches import Step, training_batches
from crosscam.training.freezing import set_learning
from crosscam.training.prepare import Training
from crosscam.training.run_folder import RunFolder
from crosscam.training.schedule import is_frozen
from crosscam.training.state import TrainingState, first_state
from crosscam.training.step import training_step
from crosscam.training.step_log import EVERY_ON_GPU, StepLog, StepRecord
from crosscam.training.stopping import StopRequest
from crosscam.types import Batch, ReIDDataset, Sample

CHECKPOINT_SECONDS = 300.0  # within an epoch; each epoch's end is a checkpoint too
_STEP = 3  # a random stream of its own, beside those of the data


@dataclass(frozen=True)
class Trained:
    """A trained model on its device, ready to embed, and what it was trained on.

    `epoch`, from 1, is the one whose weights were kept; `calibrated_by` are the samples that were
    held out of training to calibrate by, which may be none. Where a recipe averages weights,
    `model` has the average; `unaveraged` has the same epoch's weights as they were, None where they
    are not asked for.
    """

    model: ReIDModel
    unaveraged: ReIDModel | None
    preprocess: Preprocess
    epoch: int
    identities: int
    images: int
    calibrated_by: Sequence[Sample]


def train(
    training: Training,
    run: RunFolder,
    *,
    stop: StopRequest,
    on_step: Callable[[StepRecord], None] | None = None,
) -> Trained:
    """Train from the run's checkpoint on, or from the start where it has none.

    Raises `Interrupted` if `stop` asks for it, with a checkpoint written, and `TrainingError` if
    the loss is no longer a number; the checkpoint is then from before.
    """
    recipe, on_gpu = training.recipe, training.device.type == "cuda"
    every = recipe.compute.log_every or (EVERY_ON_GPU if on_gpu else 1)

    with repeatable(recipe.compute.threads):
        state = first_state(training)
        state.restore(run)
        batches = training_batches(
            training.samples,
            recipe,
            training.preprocess,
            start=state.next_step,
            sets=training.sets,
            pin_memory=on_gpu,
        )
        with run.log.open("a", encoding="utf-8") as file, closing(batches):
            _cut_back(file, run.log, state.log_bytes)
            log = StepLog(file, epochs=recipe.schedule.epochs, every=every)
            saved_at = time.monotonic()
            for step, batch in _until_stopped(batches, stop, by_processes=recipe.workers > 0):
                lr, parts = _find_gradients(state, training, step, batch)
                log.take(step, parts, lr=lr, images=len(batch.images))
                saves = step.ends_epoch or time.monotonic() - saved_at > CHECKPOINT_SECONDS
                made = log.read() if saves or log.is_due else []  # or raises, before weights change
                state.advance(step)

                _tell(on_step, made)
                if step.ends_epoch and training.chosen_by and _is_due(recipe, step):
                    state.best = _better(state, training, training.chosen_by, step, log)
                if saves:
                    _save(state, run, file)
                    saved_at = time.monotonic()
            epoch, iteration = state.next_step
            if epoch < recipe.schedule.epochs:  # stopped
                _tell(on_step, log.read())
                _save(state, run, file)
                stop.obey(
                    f"in epoch {epoch + 1} of {recipe.schedule.epochs}, before step "
                    f"{iteration + 1}; the state is saved"
                )
    return _trained(training, state)


def _find_gradients(
    state: TrainingState, training: Training, step: Step, batch: Batch
) -> tuple[float, dict[str, Tensor]]:
    """All of a step before weights change: its learning rate, and the parts of its loss."""
    schedule, done = training.recipe.schedule, state.steps_done
    torch.manual_seed(_step_seed(training.recipe.seed, step))
    lr = state.optimizers.set_rates(schedule, step, steps_done=done)
    set_learning(state.model, end_alone=is_frozen(schedule, step, steps_done=done))
    state.optimizers.zero_grad()
    precision = torch.autocast(training.device.type, torch.bfloat16, enabled=training.autocast)
    given = training.on_device(batch)
    return lr, training_step(state.model, state.losses, given, precision=precision)


def _until_stopped(
    batches: Iterator[tuple[Step, Batch]], stop: StopRequest, *, by_processes: bool
) -> Iterator[tuple[Step, Batch]]:
    """The batches, which a signal ends.

    Where processes load them, it is heard while one is awaited, too. Where this one does, it is not
    left in the middle of a picture.
    """
    while stop.signal_number is None:
        waiting = stop.at_once("while images were loaded") if by_processes else nullcontext()
        try:
            with waiting:
                drawn = next(batches, None)
        except Interrupted:
            return
        if drawn is None:
            return
        yield drawn


def _tell(on_step: Callable[[StepRecord], None] | None, made: Sequence[StepRecord]) -> None:
    if on_step is not None:
        for record in made:
            on_step(record)


def _save(state: TrainingState, run: RunFolder, log: TextIO) -> None:
    os.fsync(log.fileno())
    state.log_bytes = log.tell()
    state.save(run)


def _trained(training: Training, state: TrainingState) -> Trained:
    """What training gave: the last weights, or the best; or their average."""
    model, epoch = state.tested, training.recipe.schedule.epochs
    unaveraged = state.model if _keeps_both(training.recipe) else None
    if state.best is not None:
        model.load_state_dict(state.best["model"])
        epoch = state.best["epoch"]
        if unaveraged is not None:
            unaveraged.load_state_dict(state.best["unaveraged"])
    return Trained(
        model.eval(),
        None if unaveraged is None else unaveraged.eval(),
        training.preprocess,
        epoch,
        model.num_classes,
        len(training.samples),
        training.calibrated_by,
    )


def _keeps_both(recipe: Recipe) -> bool:
    return recipe.ema is not None and recipe.ema.keep == "both"


def _step_seed(seed: int, step: Step) -> int:
    """For dropout: a step draws the same wherever training was resumed."""
    sequence = np.random.SeedSequence([_STEP, seed, step.epoch, step.iteration])
    return int(sequence.generate_state(1, np.uint64)[0])


def _cut_back(log: TextIO, path: Path, size: int) -> None:
    """Cut a log to the size that the checkpoint knows; a shorter one to its last whole line."""
    if log.tell() < size:
        size = path.read_bytes().rfind(b"\n") + 1
    log.truncate(size)


def _is_due(recipe: Recipe, step: Step) -> bool:
    epoch = step.epoch + 1
    return epoch % recipe.selection.every == 0 or epoch == recipe.schedule.epochs


def _better(
    state: TrainingState, training: Training, chosen_by: ReIDDataset, step: Step, log: StepLog
) -> dict[str, Any] | None:
    """The better of the best epoch so far and this one, by mAP on the people held out."""
    recipe, best = training.recipe, state.best
    scores = evaluate(
        Embedder.of_network(state.tested, training.preprocess, recipe.test.metric),
        chosen_by,
        batch_size=recipe.test.batch_size,
        workers=recipe.workers,
    )
    held_out = {"mAP": scores.mAP, "rank1": scores.at_rank(1)}
    log.write({"epoch": step.epoch + 1, "held_out": held_out})
    if best is not None and best["mAP"] >= scores.mAP:
        return best
    better = {"mAP": scores.mAP, "epoch": step.epoch + 1, "model": _copied(state.tested)}
    return better | ({"unaveraged": _copied(state.model)} if _keeps_both(recipe) else {})


def _copied(model: ReIDModel) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
