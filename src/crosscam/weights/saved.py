"""A trained model on disk: `model.safetensors`, and `model.json` that says what it is."""

import hashlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.torch import save as serialise

from crosscam.data.fingerprint import TRAIN, fingerprint
from crosscam.data.transforms import Preprocess
from crosscam.decisions.calibration import Calibration
from crosscam.errors import ModelError, WeightsError
from crosscam.files import open_plain, replacing, sha256_of, write_text
from crosscam.models.base import ReIDModel, set_memory_format
from crosscam.models.registry import build_model, outline_model
from crosscam.settings.head import Head
from crosscam.types import ReIDDataset
from crosscam.weights.fitting import fit_weights, refuse_unfit
from crosscam.weights.reading import one_line, read_weights

WEIGHTS_FILE = "model.safetensors"
CARD_FILE = "model.json"
_LONGEST_CARD = 1 << 24  # bytes

Pixels = Annotated[int, Field(gt=0, le=4096)]
Count = Annotated[int, Field(gt=0, le=1_000_000)]
Number = Annotated[int, Field(ge=0, lt=1 << 53)]
Shift = Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)]
LONGEST_TEXT = 2000
Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Level = Annotated[float, Field(allow_inf_nan=False)]
Spread = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class InputCard(BaseModel):
    """The preprocessing that a model was trained with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    height: Pixels
    width: Pixels
    mean: tuple[Level, Level, Level]
    std: tuple[Spread, Spread, Spread]

    @classmethod
    def of(cls, preprocess: Preprocess) -> Self:
        """What a model's own preprocessing is."""
        return cls(**asdict(preprocess))

    def to_preprocess(self) -> Preprocess:
        """The preprocessing that the card describes."""
        return Preprocess(self.height, self.width, self.mean, self.std)


class TrainingCard(BaseModel):
    """What a model was trained on, and by what terms that data may be used; None is not known.

    `fingerprint` is that of the whole data set as it was last seen, `train_fingerprint` that of
    what was trained on alone, which older cards do not say.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Text
    identities: Number | None
    images: Number | None
    fingerprint: Text | None
    train_fingerprint: Text | None = None
    terms: Text
    initial_weights: Text | None

    def is_of(self, dataset: ReIDDataset) -> bool:
        """Whether the training images of `dataset` are those that were trained on."""
        if self.train_fingerprint is not None:
            return self.train_fingerprint == fingerprint(dataset, splits=TRAIN)
        return self.fingerprint is not None and self.fingerprint == fingerprint(dataset)


class DataSetCard(BaseModel):
    """One of several data sets of a run, `trained_on` with the others or only tested on.

    `identities` and `images` are those to train on. `camid_shift` was added to its cameras' numbers
    in training, None where that knew no cameras, or not these. `withdrawn` says when and why its
    authors took it back, and is empty where they did not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: Text
    trained_on: bool
    identities: Number
    images: Number
    query: Number
    gallery: Number
    fingerprint: Text
    train_fingerprint: Text
    camid_shift: Shift | None = None
    terms: Text
    withdrawn: Text = ""


class ModelCard(BaseModel):
    """The content of `model.json`; `source` says where weights came from that are not our own.

    `head` is what stands in the place of the architecture's own end, None where that is there.
    `num_cameras` is how many cameras it tells apart, None where it does not look at them.
    `calibration` says how probable a distance is one of the same person, None where that was not
    fitted. `test_pending` is true from the end of a run's training to the end of its test.
    `data_sets` are those of a run on several; empty for one of a single data set.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    format: Literal[1] = 1
    crosscam: Text
    architecture: Text
    head: Head | None = None
    num_classes: Count
    num_cameras: Count | None = None
    feature_dim: Count
    input: InputCard
    metric: Literal["euclidean", "cosine"]
    memory_format: Literal["contiguous", "channels_last"]
    trained_on: TrainingCard
    licence: Text
    source: Text | None = None
    recipe: dict[str, Any]
    scores: dict[str, Any]
    weights_sha256: Text
    calibration: Calibration | None = None
    test_pending: bool = False
    data_sets: Annotated[tuple[DataSetCard, ...], Field(max_length=1000)] = ()

    def to_json(self) -> dict[str, Any]:
        """What `model.json` holds: what a model does not have is not mentioned."""
        return self.model_dump(mode="json", exclude=self.left_unsaid)

    @property
    def left_unsaid(self) -> set[str]:
        """The fields that are not written."""
        unsaid = {"head": self.head, "num_cameras": self.num_cameras, "data_sets": self.data_sets}
        return {name for name, value in unsaid.items() if value in (None, ())}


def save_weights(folder: Path, model: ReIDModel) -> str:
    """Write `model.safetensors` into `folder`, whole or not at all; returns its SHA-256."""
    tensors = {
        name: value.detach().contiguous().cpu() for name, value in model.state_dict().items()
    }
    content = serialise(tensors)
    with replacing(folder / WEIGHTS_FILE) as beside:
        beside.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def save_card(folder: Path, card: ModelCard) -> None:
    """Write `model.json` into `folder`, whole or not at all."""
    write_text(folder / CARD_FILE, card_text(card))


def card_text(card: ModelCard) -> str:
    """The content of `model.json`."""
    return card.model_dump_json(indent=2, exclude=card.left_unsaid) + "\n"


def read_card(path: str | os.PathLike[str]) -> ModelCard:
    """The card of a saved model; `path` is a run's folder or its `model.safetensors`.

    Raises `WeightsError` if there is none, or if it is broken or of a later format.
    """
    file = saved_folder(path) / CARD_FILE
    try:
        with open_plain(file) as stream:
            content = stream.read(_LONGEST_CARD + 1)
        if len(content) > _LONGEST_CARD:
            raise WeightsError(f"{file} is no card of a model: it has over {_LONGEST_CARD} bytes")
        return ModelCard.model_validate_json(content)
    except FileNotFoundError:
        raise WeightsError(
            f"no trained model in {file.parent}: looked for {CARD_FILE} there; if its training was "
            f"stopped, go on with crosscam resume {file.parent}"
        ) from None
    except OSError as error:
        raise WeightsError(f"cannot read {file}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        fault = one_line(f"{where}: {first['msg']}")
        raise WeightsError(f"{file} is no card of a model: {fault}") from None


def load_saved(path: str | os.PathLike[str]) -> tuple[ReIDModel, ModelCard]:
    """A model that crosscam saved, in eval mode, on the CPU, and its card.

    `path` is a run's folder, or the `model.safetensors` in it. Raises `WeightsError` if something
    is missing, broken, or not what `model.json` says it is.
    """
    card = read_card(path)
    file = saved_folder(path) / WEIGHTS_FILE
    weights = read_weights(file)
    digest = sha256_of(file)
    if digest != card.weights_sha256:
        raise WeightsError(
            f"{file} is not the file that {CARD_FILE} beside it describes: its SHA-256 begins with "
            f"{digest[:8]}, not {card.weights_sha256[:8]}; copy both from the same run"
        )
    try:
        outline = outline_model(
            card.architecture,
            num_classes=card.num_classes,
            num_cameras=card.num_cameras or 0,
            head=card.head,
        )
    except ModelError as error:
        raise WeightsError(f"{file.parent / CARD_FILE}: {error}") from None
    skipped = refuse_unfit(outline, weights, source=str(file)).skipped
    if skipped or outline.feature_dim != card.feature_dim:
        raise WeightsError(
            f"{file.parent / CARD_FILE} does not describe {file}: num_classes or "
            "feature_dim is another; copy both from the same run"
        )
    model = build_model(
        card.architecture,
        num_classes=card.num_classes,
        num_cameras=card.num_cameras or 0,
        head=card.head,
    )
    fit_weights(model, weights, source=str(file))
    set_memory_format(model, card.memory_format)
    return model.eval(), card


def describe_start(weights: str, licence: str | None = None) -> str:
    """What a recipe's `weights` are, for the record: of a run, also what it was and its hash.

    With the `licence` that was stated for them, and then the hash of a file, too. Raises
    `WeightsError` for a folder that holds no trained model.
    """
    if weights == "none":
        return "random"
    if not Path(weights).is_dir():
        return weights[:LONGEST_TEXT] if licence is None else _licensed(weights, licence)
    card = read_card(weights)
    return (
        f"{weights[-500:]}: {card.architecture} trained on {card.trained_on.data[:100]}, "
        f"{WEIGHTS_FILE} of SHA-256 {card.weights_sha256}{_inherited(card, licence)}"
    )


def _inherited(card: ModelCard, licence: str | None) -> str:
    """What was stated of the licence of a run, and of that of its own start."""
    own = card.recipe.get("weights_licence") if card.recipe.get("weights") != "none" else None
    said = {"its licence": licence, "the licence of its own start": own}
    return "".join(f"; {whose} as stated: {text}" for whose, text in said.items() if text)


def _licensed(weights: str, licence: str) -> str:
    """What is said of weights of others: their name, what they are, and by which licence."""
    file = Path(weights)
    digest = f", SHA-256 {sha256_of(file)}" if file.is_file() else ""
    return f"{weights[-500:]}{digest}; its licence as stated: {licence}"


def saved_folder(path: str | os.PathLike[str]) -> Path:
    """The folder of a saved model; `path` is a run's folder or its `model.safetensors`.

    Raises `WeightsError` if it is neither.
    """
    given = Path(path)
    if given.is_dir():
        return given
    if given.name == WEIGHTS_FILE and given.is_file():
        return given.parent
    if not given.exists():
        raise WeightsError(f"no such run or weight file: {given}")
    raise WeightsError(f"{given} is no saved model: give a run's folder or its {WEIGHTS_FILE}")
