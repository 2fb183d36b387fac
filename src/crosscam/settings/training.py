"""How a network learns, for how long, and which of its weights are kept."""

from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from crosscam.settings.values import Count, CountOrNone, NotNegative, PartialShare, Positive, Table


class Optimizer(Table):
    """The optimiser, with PyTorch's defaults for what is not named.

    amsgrad: divide by the largest second moment so far, for Adam and AdamW (Reddi et al., 2018).
    """

    name: Literal["adam", "adamw", "sgd"]
    lr: Positive
    weight_decay: NotNegative
    momentum: PartialShare = 0.9
    amsgrad: bool = False

    @model_validator(mode="after")
    def _has_moments(self) -> Self:
        if self.amsgrad and self.name == "sgd":
            raise ValueError('amsgrad needs name = "adam" or "adamw"')
        return self


class Schedule(Table):
    """How long to train, and how the learning rate goes.

    kind: "steps" multiplies it by gamma after each epoch of `milestones`; "cosine" lets it fall to
        0 at the end of the last epoch. `warmup_epochs` let it rise from 0.01 of itself before.
    frozen_epochs: in so many first epochs the classifiers alone learn.
    """

    epochs: Count
    kind: Literal["steps", "cosine"]
    milestones: Annotated[tuple[Count, ...], Field(strict=False)] = ()
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    warmup_epochs: NotNegative = 0.0
    frozen_epochs: CountOrNone = 0

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.kind == "cosine" and self.milestones:
            raise ValueError('milestones need kind = "steps"')
        if self.frozen_epochs >= self.epochs:
            raise ValueError(
                f"frozen_epochs is {self.frozen_epochs} of {self.epochs} epochs, so that nothing "
                "but the classifiers would learn; set both together"
            )
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError("milestones must rise")
        return self


class Ema(Table):
    """An exponential moving average of the weights, which is what is tested and kept.

    decay: how much of the average stays at each step; of the first steps less, so that it does not
        hold on to the start; see `crosscam.training.averaging`.
    keep: "both" keeps and tests the weights that are not averaged, too, in a folder of their own
        in the run's, `unaveraged`.
    """

    decay: Annotated[float, Strict(), Field(gt=0, lt=1)] = 0.999
    keep: Literal["ema", "both"] = "ema"


class Selection(Table):
    """Which epoch's weights are kept: the last, or the best on people held out of training."""

    keep: Literal["last", "best"] = "last"
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    every: Count = 1


class Calibrating(Table):
    """From distances to probabilities; see `crosscam.decisions.calibrating`.

    held_out: the share of the training people that are not trained on, so that it can be fitted to
        them; 0 for none.
    """

    held_out: PartialShare = 0.0


class Compute(Table):
    """How the arithmetic is done.

    memory_format: how images lie in memory; which is faster depends on the model and the machine.
    autocast: "bf16" computes in bfloat16 where that is safe, "auto" does so on a processor or GPU
        that has instructions for it and in float32 elsewhere.
    threads: of the processor; 0 takes PyTorch's choice when the run begins, and keeps it.
    log_every: how many steps pass between two readings of the loss, each of which waits for a GPU;
        a reading writes a line for every step since the last. None is 1 on a processor, where
        nothing waits, and 10 on a GPU.
    """

    memory_format: Literal["contiguous", "channels_last"] = "contiguous"
    autocast: Literal["none", "bf16", "auto"] = "none"
    threads: Annotated[int, Field(ge=0, le=1024)] = 0
    log_every: Count | None = None
