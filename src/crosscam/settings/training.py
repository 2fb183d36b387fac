"""How a network learns, for how long, and which of its weights are kept."""

from typing import Annotated, Literal, Self

from pydantic import Field, Strict, model_validator

from crosscam.settings.values import (
    Count,
    CountOrNone,
    Flag,
    NotNegative,
    PartialShare,
    Positive,
    Share,
    Table,
)

Factor = Annotated[float, Strict(), Field(gt=0, le=1000)]


class Optimizer(Table):
    """The optimiser, with PyTorch's defaults for what is not named.

    amsgrad: divide by the largest second moment so far, for Adam and AdamW (Reddi et al., 2018).
    nesterov: look ahead along the momentum, for SGD.
    head_lr: the rate of the model's end, in shares of `lr`; 10 lets it learn ten times as fast.
    bias_lr: that of biases, in shares of what it would be.
    bias_weight_decay: the weight decay of biases, where it is another.
    layer_decay: each layer learns at so much of the rate of the layer after it, for models that
        know how deep their layers are (Clark et al., ICLR 2020; Bao et al., ICLR 2022).
    clip_norm: the longest that the gradient of all of the model may be; longer ones are scaled.
    """

    name: Literal["adam", "adamw", "sgd"]
    lr: Positive
    weight_decay: NotNegative
    momentum: PartialShare = 0.9
    nesterov: Flag = False
    amsgrad: bool = False
    head_lr: Factor = 1.0
    bias_lr: Factor = 1.0
    bias_weight_decay: NotNegative | None = None
    layer_decay: Annotated[float, Strict(), Field(gt=0, le=1)] = 1.0
    clip_norm: Positive | None = None

    @model_validator(mode="after")
    def _has_moments(self) -> Self:
        if self.amsgrad and self.name == "sgd":
            raise ValueError('amsgrad needs name = "adam" or "adamw"')
        if self.nesterov and (self.name != "sgd" or not self.momentum):
            raise ValueError('nesterov needs name = "sgd" and a momentum')
        return self


class Schedule(Table):
    """How long to train, and how the learning rate goes.

    kind: "steps" multiplies it by gamma after each epoch of `milestones`; "cosine" lets it fall to
        the `floor` at the end of the last epoch.
    rate_at: what is measured in epochs moves with every step; or the rate is the same for all steps
        of an epoch, that of the epoch's start or of its end.
    warmup_epochs, warmup_steps: for so long it rises before, in a straight line from `warmup_from`
        of itself. Steps count one by one, whatever `rate_at` is.
    flat_epochs: the cosine begins after so many epochs, whether or not warm-up is over; where it is
        not said, when warm-up ends.
    floor: the rate that a cosine ends at, where the full one is `optimizer.lr`; what learns at a
        factor of that ends at the same factor of this.
    frozen_epochs, frozen_steps: for so long the model's end alone learns.
    """

    epochs: Count
    kind: Literal["steps", "cosine"]
    milestones: Annotated[tuple[Count, ...], Field(strict=False)] = ()
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    rate_at: Literal["step", "epoch-start", "epoch-end"] = "step"
    warmup_epochs: NotNegative = 0.0
    warmup_steps: CountOrNone = 0
    warmup_from: Share = 0.01
    flat_epochs: NotNegative | None = None
    floor: NotNegative = 0.0
    frozen_epochs: CountOrNone = 0
    frozen_steps: CountOrNone = 0

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.kind == "cosine" and self.milestones:
            raise ValueError('milestones need kind = "steps"')
        if self.kind == "steps" and (self.floor or self.flat_epochs is not None):
            raise ValueError('flat_epochs and floor need kind = "cosine"')
        if self.frozen_epochs >= self.epochs:
            raise ValueError(
                f"frozen_epochs is {self.frozen_epochs} of {self.epochs} epochs, so that nothing "
                "but the classifiers would learn; set both together"
            )
        if list(self.milestones) != sorted(set(self.milestones)):
            raise ValueError("milestones must rise")
        return self

    @model_validator(mode="after")
    def _counts_in_one_unit(self) -> Self:
        if self.warmup_epochs and self.warmup_steps:
            raise ValueError("warmup_epochs and warmup_steps are both set; set one of them to 0")
        if self.frozen_epochs and self.frozen_steps:
            raise ValueError("frozen_epochs and frozen_steps are both set; set one of them to 0")
        if self.kind == "cosine" and self.warmup_steps and self.flat_epochs is None:
            raise ValueError(
                "warmup_steps do not say in which epoch the cosine begins; set flat_epochs, 0 for "
                "one that begins at once"
            )
        if self.flat_epochs is not None and self.flat_epochs >= self.epochs:
            raise ValueError(
                f"flat_epochs is {self.flat_epochs:g} of {self.epochs} epochs, so that the cosine "
                "would never begin; set both together"
            )
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
