"""A recipe: all that decides what a training run computes, typed, read from TOML.

Unknown keys, wrong types, values out of range and settings that contradict each other are refused
with a message that names the key. `--set table.key=value` goes through the same checks.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from crosscam.errors import RecipeError
from crosscam.files import read_text_file

# The upper bounds are far beyond use; they keep a slip of the finger from looking like a crash.
Count = Annotated[int, Field(ge=1, le=10**6)]
Pixels = Annotated[int, Field(ge=1, le=4096)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, le=1e6)]
NotNegative = Annotated[float, Field(ge=0, le=1e6)]


_LONGEST_LINE = 10_000  # the memory that a dotted key takes to be read grows as its square


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Input(_Table):
    """The size in pixels that pictures are resized to."""

    height: Pixels
    width: Pixels


class Batching(_Table):
    """Which pictures go into a batch.

    sampler: "random" pictures; "identities", so many different people with so many images each;
        or "groups", the published triplet batches, in which a person can be twice.
    """

    size: Annotated[int, Field(ge=2, le=10**6)]  # BatchNorm learns nothing from one
    sampler: Literal["random", "identities", "groups"] = "random"
    identities: Count | None = None
    images_per_identity: Count | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.sampler == "random":
            if self.identities is not None or self.images_per_identity is not None:
                raise ValueError(
                    'identities and images_per_identity need sampler = "identities" or "groups"'
                )
        elif self.identities is None or self.images_per_identity is None:
            raise ValueError(f'sampler = "{self.sampler}" needs identities and images_per_identity')
        elif self.size != self.identities * self.images_per_identity:
            raise ValueError(
                f"size is {self.size}, but identities x images_per_identity is "
                f"{self.identities} x {self.images_per_identity}; set them together"
            )
        return self


class Augment(_Table):
    """The random changes of training pictures; see `crosscam.data.transforms.Augmentation`."""

    enlarge_crop: Share = 0.5
    flip: Share = 0.5
    pad_crop: Annotated[int, Field(ge=0, le=1024)] = 0
    colour: Annotated[float, Field(ge=0, lt=1)] = 0.0
    erase: Share = 0.0


class Loss(_Table):
    """Weights of the parts of the loss; see `crosscam.losses.total.LossWeights`."""

    xent: NotNegative = 1.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.1
    triplet: NotNegative = 0.0
    margin: NotNegative = 0.3

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.xent == 0 and self.triplet == 0:
            raise ValueError("xent and triplet are both 0, so there is nothing to learn from")
        return self


class Optimizer(_Table):
    """The optimiser, with PyTorch's defaults for what is not named.

    amsgrad: divide by the largest second moment so far, for Adam and AdamW (Reddi et al., 2018).
    """

    name: Literal["adam", "adamw", "sgd"]
    lr: Positive
    weight_decay: NotNegative
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    amsgrad: bool = False

    @model_validator(mode="after")
    def _has_moments(self) -> Self:
        if self.amsgrad and self.name == "sgd":
            raise ValueError('amsgrad needs name = "adam" or "adamw"')
        return self


class Schedule(_Table):
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
    frozen_epochs: Annotated[int, Field(ge=0, le=10**6)] = 0

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


class Selection(_Table):
    """Which epoch's weights are kept: the last, or the best on people held out of training."""

    keep: Literal["last", "best"] = "last"
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.1
    every: Count = 1


class Calibrating(_Table):
    """From distances to probabilities; see `crosscam.decisions.calibrating`.

    held_out: the share of the training people that are not trained on, so that it can be fitted to
        them; 0 for none.
    """

    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.0


class Testing(_Table):
    """How the trained model is tested; see `crosscam.evaluation.settings.EvaluationSettings`."""

    batch_size: Count = 100
    metric: Literal["euclidean", "cosine"] = "euclidean"
    protocol: Literal["cross-camera", "no-cameras", "single-shot"] | None = None
    flip: bool = False
    multi_query: Literal["mean", "max"] | None = None
    augment: Annotated[int, Field(ge=0, le=10**6)] = 0
    expand: Annotated[int, Field(ge=0, le=10**6)] = 0
    alpha: NotNegative = 0.0
    rerank: bool = False
    k1: Count = 20
    k2: Count = 6
    lambda_value: Share = 0.3


class Compute(_Table):
    """How the arithmetic is done.

    memory_format: how images lie in memory; which is faster depends on the model and the machine.
    autocast: "bf16" computes in bfloat16 where that is safe, "auto" does so on a processor or GPU
        that has instructions for it and in float32 elsewhere.
    threads: of the processor; 0 takes PyTorch's choice.
    """

    memory_format: Literal["contiguous", "channels_last"] = "contiguous"
    autocast: Literal["none", "bf16", "auto"] = "none"
    threads: Annotated[int, Field(ge=0, le=1024)] = 0


class Recipe(_Table):
    """All that decides what a training run computes, except the data."""

    model: str
    weights: str
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    device: str = "auto"
    workers: Annotated[int, Field(ge=0, le=1024)] = 2
    input: Input
    batch: Batching
    augment: Augment = Augment()
    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    selection: Selection = Selection()
    calibration: Calibrating = Calibrating()
    test: Testing = Testing()
    compute: Compute = Compute()

    @model_validator(mode="after")
    def _has_triplets(self) -> Self:
        people, each = self.batch.identities or 1, self.batch.images_per_identity or 1
        if self.loss.triplet and min(people, each) < 2:
            raise ValueError(
                "loss.triplet needs batches of at least 2 people with 2 images each: set "
                "batch.sampler, batch.identities and batch.images_per_identity"
            )
        return self

    def to_toml(self) -> str:
        """The recipe as TOML, every setting spelled out."""
        return tomli_w.dumps(self.model_dump(exclude_none=True, mode="json"))


def list_recipes() -> list[str]:
    """The names of the recipes that come with crosscam, sorted."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in _built_in().iterdir()
        if entry.name.endswith(".toml")
    )


def load_recipe(name_or_path: str | os.PathLike[str], overrides: Sequence[str] = ()) -> Recipe:
    """A built-in recipe by name, or one from a `.toml` file, changed by `key=value` overrides.

    Raises `RecipeError` that names the faulty key and what it may be.
    """
    name = os.fspath(name_or_path)
    if name in list_recipes():
        text = (_built_in() / f"{name}.toml").read_text(encoding="utf-8")
    elif name.endswith(".toml"):
        text = _read(Path(name))
    else:
        raise RecipeError(
            f"unknown recipe {name!r}; known are {', '.join(list_recipes())}, or give a .toml file"
        )
    return parse_recipe(text, overrides, source=name)


def parse_recipe(text: str, overrides: Iterable[str] = (), *, source: str) -> Recipe:
    """A recipe from TOML text and `key=value` overrides; `source` is named in errors."""
    if any(len(line) > _LONGEST_LINE for line in text.splitlines()):
        raise RecipeError(f"recipe {source} has a line of more than {_LONGEST_LINE} characters")
    try:
        settings = tomllib.loads(text)
    except RecursionError:
        raise RecipeError(f"recipe {source} is not TOML: it is nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError is one; so is what int says of many digits
        raise RecipeError(f"recipe {source} is not TOML: {error}") from None
    for override in overrides:
        _override(settings, override)
    try:
        return Recipe.model_validate(settings)
    except ValidationError as error:
        faults = "; ".join(_explain(dict(fault)) for fault in error.errors())
        raise RecipeError(f"recipe {source}: {faults}") from None


def _built_in() -> Any:  # importlib's Traversable, whose home differs between Python versions
    return files("crosscam") / "zoo" / "recipes"


def _read(path: Path) -> str:
    try:
        return read_text_file(path)
    except (OSError, UnicodeError) as error:
        raise RecipeError(f"cannot read the recipe {path}: {error}") from None


def _override(settings: dict[str, Any], override: str) -> None:
    if len(override) > _LONGEST_LINE:
        raise RecipeError(f"--set {override[:40]}... has more than {_LONGEST_LINE} characters")
    key, equals, value = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise RecipeError(f"--set takes key=value, such as schedule.epochs=2, not {override!r}")
    table = settings
    for part in parts[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise RecipeError(f"--set {override}: {part} is a setting, not a table of them")
    table[parts[-1]] = _value(value.strip())


def _value(text: str) -> Any:
    """A TOML value; a word without quotes is a string."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    except RecursionError:
        raise RecipeError(f"--set {text[:40]}... is nested too deeply") from None
    except ValueError as error:  # int, of too many digits
        raise RecipeError(f"--set {text[:40]}...: {error}") from None
    return parsed["value"] if len(parsed) == 1 else text


def _explain(fault: Mapping[str, Any]) -> str:
    where = [str(part) for part in fault["loc"]]
    key = ".".join(where)
    if fault["type"] == "extra_forbidden":
        known = _keys_beside(where[:-1])
        near = difflib.get_close_matches(where[-1], known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        return f"unknown key {key}; {hint}"
    if fault["type"] == "missing":
        return f"{key} is missing"
    message = fault["msg"].removeprefix("Value error, ")
    found = "" if isinstance(fault["input"], Mapping) else f", not {fault['input']!r}"
    return f"{key}: {message}{found}" if key else f"{message}{found}"


def _keys_beside(table: Sequence[str]) -> list[str]:
    fields = Recipe.model_fields
    for part in table:
        annotation = fields[part].annotation if part in fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        fields = annotation.model_fields
    return list(fields)
