"""A recipe: all that decides what a training run computes, typed, read from TOML.

Unknown keys, wrong types, values out of range and settings that contradict each other are refused
with a message that names the key. `--set table.key=value` goes through the same checks.
"""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Self

import tomli_w
from pydantic import Field, TypeAdapter, ValidationError, model_validator

from crosscam.errors import RecipeError
from crosscam.files import read_text_file
from crosscam.settings.evaluation import Testing
from crosscam.settings.faults import explain_faults, shortened
from crosscam.settings.head import Head
from crosscam.settings.images import Augmentation, Batching, Input
from crosscam.settings.losses import LossPart, LossSettings, LossTable
from crosscam.settings.training import Calibrating, Compute, Ema, Optimizer, Schedule, Selection
from crosscam.settings.values import Table

ASK = "ask"
_LONGEST_LINE = 10_000  # the memory that a dotted key takes to be read grows as its square
_BOTH_LOSSES = (r"^\s*\[\s*loss\s*\]", r"^\s*\[\[\s*loss\s*\]\]")

Seed = Annotated[int, Field(strict=True, ge=0, lt=2**32)]


class Recipe(Table):
    """All that decides what a training run computes, except the data.

    `weights` and `weights_licence`, by which licence these may be used, are "ask" in a recipe that
    starts from weights of others, which whoever trains has to get and to state; see
    `refuse_asking`.
    """

    model: str
    weights: str
    weights_licence: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    seed: Seed = 0
    device: str = "auto"
    workers: Annotated[int, Field(ge=0, le=1024)] = 2
    head: Head | None = None
    input: Input
    batch: Batching
    augment: Augmentation = Augmentation()
    loss: LossSettings
    optimizer: Optimizer
    schedule: Schedule
    ema: Ema | None = None
    selection: Selection = Selection()
    calibration: Calibrating = Calibrating()
    test: Testing = Testing()
    compute: Compute = Compute()

    @property
    def losses(self) -> tuple[LossPart, ...]:
        """The parts of the loss that have a weight, whichever form the recipe has them in."""
        parts = self.loss.parts if isinstance(self.loss, LossTable) else self.loss
        return tuple(part for part in parts if part.weight)

    @model_validator(mode="after")
    def _has_images_to_compare(self) -> Self:
        people, each = self.batch.identities_and_images or (1, 1)
        for part in self.losses:
            if part.compares_images and min(people, each) < 2:
                random = self.batch.sampler == "random"
                why = ', which batch.sampler = "random" does not give' if random else ""
                raise ValueError(
                    f"loss.{part.name} needs batches of at least 2 people with 2 images each{why}: "
                    "set batch.sampler, batch.identities and batch.images_per_identity"
                )
        return self

    @model_validator(mode="after")
    def _has_use_of_its_classifier(self) -> Self:
        classified = any(part.on == "logits" for part in self.losses)
        if self.head is not None and self.head.gives_cosines and not classified:
            raise ValueError(
                f'head.classifier = "{self.head.classifier}" shapes logits, and no loss looks at '
                "them: give xent a weight, or leave classifier out"
            )
        return self

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if self.schedule.floor >= self.optimizer.lr:
            raise ValueError(
                f"schedule.floor is {self.schedule.floor:g}, which optimizer.lr, "
                f"{self.optimizer.lr:g}, does not fall to; lower it"
            )
        return self

    def refuse_asking(self) -> None:
        """Raise `RecipeError` where the recipe asks for what only whoever trains can say."""
        if self.weights == ASK:
            raise RecipeError(
                "this recipe starts from weights that crosscam does not hand out: get them from "
                "their authors, and give the file, --set weights=PATH, and by which licence you "
                "may use it, --set 'weights_licence=...'; docs/transformers.md says where they are"
            )
        if self.weights_licence == ASK and self.weights != "none":
            raise RecipeError(
                f"state by which licence you may use {self.weights}, since the trained model "
                "inherits it: --set 'weights_licence=MIT', or in words what its authors say"
            )

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
    overrides = list(overrides)
    settings = _parse(text, source)
    for override in overrides:
        _override(settings, override)
    recipe = recipe_of(settings, source=source)
    _refuse_idle(recipe, overrides)
    return recipe


def recipe_of(settings: Mapping[str, Any], *, source: str) -> Recipe:
    """A recipe from its tables, such as a model's card has them; `source` is named in errors.

    Raises `RecipeError`.
    """
    try:
        return Recipe.model_validate(settings)
    except ValidationError as error:
        raise RecipeError(f"recipe {source}: {explain_faults(error, Recipe)}") from None


def seed_of(settings: Mapping[str, Any], *, source: str) -> int:
    """The seed in a recipe's tables, whatever else is in them; 0 where there is none.

    Raises `RecipeError`.
    """
    try:
        seed: int = TypeAdapter(Seed).validate_python(settings.get("seed", 0))
    except ValidationError as error:
        raise RecipeError(f"recipe {source}: seed: {explain_faults(error, Recipe)}") from None
    return seed


def _built_in() -> Any:  # importlib's Traversable, whose home differs between Python versions
    return files("crosscam") / "zoo" / "recipes"


def _read(path: Path) -> str:
    try:
        return read_text_file(path)
    except (OSError, UnicodeError) as error:
        raise RecipeError(f"cannot read the recipe {path}: {error}") from None


def _parse(text: str, source: str) -> dict[str, Any]:
    if any(len(line) > _LONGEST_LINE for line in text.splitlines()):
        raise RecipeError(f"recipe {source} has a line of more than {_LONGEST_LINE} characters")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise RecipeError(f"recipe {source} is not TOML: it is nested too deeply") from None
    except ValueError as error:  # TOMLDecodeError is one; so is what int says of many digits
        if all(re.search(form, text, re.MULTILINE) for form in _BOTH_LOSSES):
            raise RecipeError(
                f"recipe {source} has both [loss] and [[loss]]; say all of the loss in one of them"
            ) from None
        raise RecipeError(f"recipe {source} is not TOML: {error}") from None


def _override(settings: dict[str, Any], override: str) -> None:
    if len(override) > _LONGEST_LINE:
        raise RecipeError(f"--set {override[:40]}... has more than {_LONGEST_LINE} characters")
    said = shortened(override)
    key, equals, value = override.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise RecipeError(f"--set takes key=value, such as schedule.epochs=2, not {said!r}")
    try:
        override.encode()
    except UnicodeEncodeError:
        raise RecipeError(f"--set {said!r} is no text that a recipe can hold") from None
    table: Any = settings
    for part in parts[:-1]:
        is_list = isinstance(table, list)
        table = _named(table, part, said) if is_list else table.setdefault(part, {})
        if not isinstance(table, dict | list):
            raise RecipeError(f"--set {said}: {part} is a setting, not a table of them")
    if isinstance(table, list):
        raise RecipeError(
            f"--set {said}: {parts[-2]} is a list; say {'.'.join(parts)}.KEY=value, such as "
            f"{'.'.join(parts)}.weight=2"
        )
    table[parts[-1]] = _value(value.strip(), said)


def _named(tables: Sequence[Any], name: str, override: str) -> Any:
    """The table of that name in a list of tables."""
    named = {table.get("name"): table for table in tables if isinstance(table, Mapping)}
    if name not in named:
        there = ", ".join(map(str, named))
        raise RecipeError(f"--set {override}: there is no {name} in this recipe, only {there}")
    return named[name]


def _value(text: str, override: str) -> Any:
    """A TOML value; a word without quotes is a string."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    except RecursionError:
        raise RecipeError(f"--set {override} is nested too deeply") from None
    except ValueError as error:
        raise RecipeError(f"--set {override}: {error}") from None
    return parsed["value"] if len(parsed) == 1 else text


def _refuse_idle(recipe: Recipe, overrides: Iterable[str]) -> None:
    """Raise `RecipeError` for an override that the recipe, as it is with it, does not look at."""
    for override in overrides:
        key = override.partition("=")[0].strip()
        table, _, setting = key.partition(".")
        switch = recipe.augment.off_switch_of(setting) if table == "augment" else None
        if switch is not None:
            raise RecipeError(f"--set {override}: {key} needs augment.{switch}, which is 0")
        people = key in ("batch.identities", "batch.images_per_identity")
        if people and recipe.batch.sampler == "random":
            raise RecipeError(
                f'--set {override}: identities and images_per_identity need sampler = "identities" '
                'or "groups", and batch.sampler is "random"'
            )
