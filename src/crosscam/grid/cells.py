"""The cells of the grid, recipe x data set x seed, and the records of what became of them.

In a grid's folder each cell has an ordinary run folder, and beside it a record, `NAME.cell.json`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crosscam.errors import RecipeError, RunError
from crosscam.files import safe_name, write_text
from crosscam.recipe import Recipe, load_recipe
from crosscam.settings.faults import first_fault

RECORD_SUFFIX = ".cell.json"
_HASH_VERSION = 2  # to be raised when a default, or what a setting means, changes
Status = Literal["running", "done", "failed", "no data"]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class CellData(NamedTuple):
    """What a cell reads: a data set, and whether with the images that multi-query pools."""

    name: str
    multi_query: bool = False


@dataclass(frozen=True)
class Cell:
    """One training to be done. `overrides` are `key=value` changes of the recipe, but the seed.

    `from_scratch` starts at random where the recipe starts from ImageNet weights.
    """

    recipe: str
    data: str
    seed: int
    overrides: tuple[str, ...] = ()
    from_scratch: bool = False

    @property
    def name(self) -> str:
        """What the cell's run folder is called."""
        return safe_name(f"{Path(self.recipe).stem}-{self.data.replace(':', '_')}-{self.seed}")

    def resolve(self) -> Recipe:
        """The recipe with all changes. Raises `RecipeError`."""
        start = ("weights=none",) if self.from_scratch else ()
        return load_recipe(self.recipe, (*self.overrides, *start, f"seed={self.seed}"))

    def reads(self) -> CellData:
        """What its recipe asks for; the plain data set where that is no valid recipe."""
        try:
            return CellData(self.data, self.resolve().test.multi_query is not None)
        except RecipeError:
            return CellData(self.data)


class CellRecord(BaseModel):
    """What became of a cell; `key()` says of which training it is.

    `data_fingerprint` is that of all its images, `train_fingerprint` of those trained on alone,
    which older records do not say.
    `seconds` is how long training and testing took, over all attempts that ended well or were
    asked to stop; speeds are in images a second.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    recipe: str
    data: str
    seed: int
    recipe_hash: str
    overrides: tuple[str, ...]
    from_scratch: bool
    crosscam: str
    data_fingerprint: str
    train_fingerprint: str | None = None
    status: Status
    reason: str | None = None
    seconds: Seconds | None = None
    train_images_per_second: Seconds | None = None
    test_images_per_second: Seconds | None = None
    device: str | None = None
    threads: int | None = None

    def key(self) -> tuple[str, str, int, str]:
        """Two records of equal keys are of the same training."""
        images = self.train_fingerprint or self.data_fingerprint
        return self.recipe_hash, images, self.seed, self.crosscam

    def is_of(self, other: "CellRecord") -> bool:
        """Whether this is a record of the training that `other` is to be one of."""
        if self.train_fingerprint is None:
            other = other.model_copy(update={"train_fingerprint": None})
        return self.key() == other.key()


def recipe_hash(recipe: Recipe) -> str:
    """A hash of all settings that decide what is computed: not of device, loaders and threads.

    What is at its default is left out, so that a setting which is new to recipes, and does what was
    done before, changes no hash.
    """
    machine = {"device", "workers", "compute", "seed"}
    content = recipe.model_dump(mode="json", exclude=machine, exclude_defaults=True)
    content |= {"autocast": recipe.compute.autocast, "hash_version": _HASH_VERSION}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def record_file(folder: Path) -> Path:
    """Where the record of the run in `folder` stands."""
    return folder.with_name(folder.name + RECORD_SUFFIX)


def write_record(folder: Path, record: CellRecord) -> None:
    """Write the record of the run in `folder`, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_text(record_file(folder), record.model_dump_json(indent=2) + "\n")


def read_records(grid: Path) -> Mapping[Path, CellRecord]:
    """The records in a grid's folder, by run folder, in the order of names.

    Raises `RunError` for a record that cannot be read or is none.
    """
    records = {}
    for file in sorted(grid.glob(f"*{RECORD_SUFFIX}")):
        try:
            record = CellRecord.model_validate_json(file.read_bytes())
        except OSError as error:
            raise RunError(f"cannot read {file}: {error.strerror}") from None
        except ValidationError as error:
            raise RunError(
                f"{file} is no record of a cell: {first_fault(error)}; remove it to run the cell "
                "anew"
            ) from None
        records[file.with_name(file.name.removesuffix(RECORD_SUFFIX))] = record
    return records
