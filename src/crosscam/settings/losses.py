"""The losses by name, with what each can be told; a recipe's loss is one of two forms of them.

`[loss]` is the short form, of cross entropy and triplets. `[[loss]]` is a list of any of them:

    [[loss]]
    name = "xent"
    label_smoothing = 0.1

    [[loss]]
    name = "triplet"
    weight = 0.5
"""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from crosscam.settings.values import NotNegative, PartialShare, Table

SMOOTHING = 0.1
MARGIN = 0.3
TABLE, LIST = "[loss]", "[[loss]]"


class CrossEntropy(Table):
    """Label-smoothed cross entropy of the logits, the mean over a model's classifiers."""

    compares_images: ClassVar[bool] = False

    name: Literal["xent"]
    weight: NotNegative = 1.0
    on: Literal["logits"] = "logits"
    label_smoothing: PartialShare = SMOOTHING


class Triplet(Table):
    """The batch-hard triplet loss of the features."""

    compares_images: ClassVar[bool] = True

    name: Literal["triplet"]
    weight: NotNegative = 1.0
    on: Literal["features"] = "features"
    margin: NotNegative = MARGIN


LossPart = CrossEntropy | Triplet
LOSSES: dict[str, type[LossPart]] = {"xent": CrossEntropy, "triplet": Triplet}


class LossTable(Table):
    """The short form: the weights of cross entropy and triplets, 0 for none, and their settings."""

    xent: NotNegative = 1.0
    label_smoothing: PartialShare = SMOOTHING
    triplet: NotNegative = 0.0
    margin: NotNegative = MARGIN

    @property
    def parts(self) -> tuple[LossPart, ...]:
        """The same as a list."""
        xent = CrossEntropy(name="xent", weight=self.xent, label_smoothing=self.label_smoothing)
        triplet = Triplet(name="triplet", weight=self.triplet, margin=self.margin)
        return tuple(part for part in (xent, triplet) if part.weight)

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.xent == 0 and self.triplet == 0:
            raise ValueError("xent and triplet are both 0, so there is nothing to learn from")
        return self


def _check_list(parts: tuple[LossPart, ...]) -> tuple[LossPart, ...]:
    names: list[str] = [part.name for part in parts]
    twice = [name for name in LOSSES if names.count(name) > 1]
    if twice:
        raise ValueError(f"{twice[0]} is there twice; give each loss once")
    if not any(part.weight for part in parts):
        raise ValueError("no loss has a weight, so there is nothing to learn from")
    return parts


def _form(value: Any) -> str:
    return LIST if isinstance(value, list | tuple) else TABLE


LossList = Annotated[
    tuple[Annotated[LossPart, Field(discriminator="name")], ...],
    Field(strict=False),
    AfterValidator(_check_list),
]
LossSettings = Annotated[
    Annotated[LossTable, Tag(TABLE)] | Annotated[LossList, Tag(LIST)], Discriminator(_form)
]
