"""The losses by name, with what each can be told; a recipe's loss is one of two forms of them.

`[loss]` is the short form, of cross entropy and triplets. `[[loss]]` is a list of any of them:

    [[loss]]
    name = "xent"
    label_smoothing = 0.1

    [[loss]]
    name = "triplet"
    weight = 0.5

`compares_images` says of each whether it needs pairs in a batch, and `learns` whether it has
parameters of its own. docs/losses.md has them all.
"""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Strict, Tag, model_validator

from crosscam.settings.values import Flag, NotNegative, PartialShare, Positive, Share, Table

SMOOTHING = 0.1
MARGIN = 0.3
FLOOR = 1e-6
CIRCLE_SCALE, CIRCLE_MARGIN = 128.0, 0.25
TEMPERATURE = 0.1
ALPHA, BETA, BASE, MINING_MARGIN = 2.0, 40.0, 0.5, 0.7
TABLE, LIST = "[loss]", "[[loss]]"

Steepness = Annotated[float, Strict(), Field(ge=1e-3, le=1e4)]  # of cosines, in an exponent
Cosine = Annotated[float, Strict(), Field(ge=-1, le=1)]
CosineDifference = Annotated[float, Strict(), Field(ge=0, le=2)]


class CrossEntropy(Table):
    """Label-smoothed cross entropy of the logits, the mean over a model's classifiers."""

    compares_images: ClassVar[bool] = False
    learns: ClassVar[bool] = False

    name: Literal["xent"]
    weight: NotNegative = 1.0
    on: Literal["logits"] = "logits"
    label_smoothing: PartialShare = SMOOTHING


class Triplet(Table):
    """The batch-hard triplet loss of the features.

    soft: a soft margin, log(1 + exp(x)), in the place of the hinge and its margin.
    normalise: features are compared at unit length.
    """

    compares_images: ClassVar[bool] = True
    learns: ClassVar[bool] = False

    name: Literal["triplet"]
    weight: NotNegative = 1.0
    on: Literal["features"] = "features"
    margin: NotNegative = MARGIN
    soft: Flag = False
    normalise: Flag = False

    @model_validator(mode="after")
    def _has_one_margin(self) -> Self:
        if self.soft and self.margin != MARGIN:
            raise ValueError("a soft margin has no width; leave margin out, or set soft = false")
        return self


class WeightedTriplet(Table):
    """The weighted-regularised triplet loss of the features.

    floor: what is added to the sums that weights are divided by; 0 is the paper's formula, and
        1e-6 what its authors computed.
    """

    compares_images: ClassVar[bool] = True
    learns: ClassVar[bool] = False

    name: Literal["wrt"]
    weight: NotNegative = 1.0
    on: Literal["features"] = "features"
    floor: Share = FLOOR


class Center(Table):
    """The center loss of the features, whose centers are learned.

    lr: the rate of the optimiser of its own that moves the centers.
    """

    compares_images: ClassVar[bool] = False
    learns: ClassVar[bool] = True

    name: Literal["center"]
    weight: NotNegative = 5e-4
    on: Literal["features"] = "features"
    lr: Positive = 0.5


class Circle(Table):
    """The circle loss of the features' pairs, at unit length."""

    compares_images: ClassVar[bool] = True
    learns: ClassVar[bool] = False

    name: Literal["circle"]
    weight: NotNegative = 1.0
    on: Literal["features"] = "features"
    scale: Steepness = CIRCLE_SCALE
    margin: Share = CIRCLE_MARGIN


class Contrastive(Table):
    """The supervised contrastive loss of the features, at unit length."""

    compares_images: ClassVar[bool] = True
    learns: ClassVar[bool] = False

    name: Literal["supcon"]
    weight: NotNegative = 1.0
    on: Literal["features"] = "features"
    temperature: Annotated[float, Strict(), Field(ge=1e-3, le=1e3)] = TEMPERATURE


class MultiSimilarity(Table):
    """The multi-similarity loss of the features, at unit length, with its mining of pairs.

    alpha: how steeply positives count.
    beta: how steeply negatives count.
    base: the cosine that pairs are measured from.
    margin: by how much a pair may be easier than the hardest of the other kind, to be mined.
    """

    compares_images: ClassVar[bool] = True
    learns: ClassVar[bool] = False

    name: Literal["multi-similarity"]
    weight: NotNegative = 1.0
    on: Literal["features"] = "features"
    alpha: Steepness = ALPHA
    beta: Steepness = BETA
    base: Cosine = BASE
    margin: CosineDifference = MINING_MARGIN


LossPart = (
    CrossEntropy | Triplet | WeightedTriplet | Center | Circle | Contrastive | MultiSimilarity
)
LOSSES: dict[str, type[LossPart]] = {
    "xent": CrossEntropy,
    "triplet": Triplet,
    "wrt": WeightedTriplet,
    "center": Center,
    "circle": Circle,
    "supcon": Contrastive,
    "multi-similarity": MultiSimilarity,
}


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
