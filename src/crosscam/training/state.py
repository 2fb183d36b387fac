"""All of training that has a state: its parts, and how far it is; together, a checkpoint."""

from dataclasses import dataclass
from typing import Any

import torch

from crosscam.errors import RunError, TrainingError
from crosscam.losses.weighted import WeightedLosses
from crosscam.models.base import ReIDModel
from crosscam.training.averaging import WeightAverage
from crosscam.training.batches import Step
from crosscam.training.losses import training_losses
from crosscam.training.optimizers import Optimizers
from crosscam.training.prepare import Training
from crosscam.training.run_folder import RunFolder, load_checkpoint, save_checkpoint


@dataclass
class TrainingState:
    """The parts of training, each with a `state_dict`, and how far it is.

    average: that of the model's weights, None where a recipe has none.
    next_step: (epoch, iteration) of the next step, from 0.
    steps_done: how many steps were made, of all epochs.
    log_bytes: how long the log was when the checkpoint was written.
    best: the weights, epoch and mAP that were the best on the people held out, None before.
    """

    model: ReIDModel
    losses: WeightedLosses
    optimizers: Optimizers
    average: WeightAverage | None = None
    next_step: tuple[int, int] = (0, 0)
    steps_done: int = 0
    log_bytes: int = 0
    best: dict[str, Any] | None = None

    def advance(self, step: Step) -> None:
        """Change all that is learned by the gradients of a step, which is then done."""
        self.optimizers.step()
        if self.average is not None:
            self.average.update(self.model)
        self.next_step, self.steps_done = step.next, self.steps_done + 1

    @property
    def tested(self) -> ReIDModel:
        """The model that is tested: the average, where there is one."""
        return self.model if self.average is None else self.average.model

    def restore(self, run: RunFolder) -> None:
        """Take the state of the run's checkpoint, if it has one.

        Raises `RunError` if that is not of this training.
        """
        state = load_checkpoint(run)
        if state is None:
            return
        try:
            self.model.load_state_dict(state["model"])
            self.losses.load_state_dict(state.get("losses", {}))
            self.optimizers.load_state_dict(state)
            if self.average is not None:
                self.average.load_state_dict(state["average"])
            epoch, iteration = state["next_step"]
            self.steps_done = int(state.get("steps_done", 0))
        except (RuntimeError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise RunError(
                f"{run.checkpoint} is not of this run ({str(error).splitlines()[0]}); "
                "remove it to start the run anew"
            ) from None
        self.next_step, self.log_bytes = (epoch, iteration), state["log_bytes"]
        self.best = state["best"]

    def save(self, run: RunFolder) -> None:
        """Replace the run's checkpoint. Raises `TrainingError` if weights are not finite."""
        learned = {**self.model.state_dict(), **self.losses.state_dict()}
        for name, value in learned.items():
            if not bool(torch.isfinite(value).all()):
                raise TrainingError(
                    f"the weights {name} are no longer finite, so training has diverged; the last "
                    "checkpoint is from before; lower optimizer.lr or raise schedule.warmup_epochs"
                )
        state: dict[str, Any] = {
            "model": self.model.state_dict(),
            "losses": self.losses.state_dict(),
            **self.optimizers.state_dict(),
            "next_step": self.next_step,
            "steps_done": self.steps_done,
            "log_bytes": self.log_bytes,
            "best": self.best,
        }
        if self.average is not None:
            state["average"] = self.average.state_dict()
        save_checkpoint(run, state)


def first_state(training: Training) -> TrainingState:
    """The parts of a training before its first step."""
    recipe, model = training.recipe, training.model
    losses = training_losses(training)
    average = None if recipe.ema is None else WeightAverage(model, decay=recipe.ema.decay)
    return TrainingState(model, losses, Optimizers(model, losses, recipe.optimizer), average)
