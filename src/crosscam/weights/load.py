"""A trained model by name or by path: a run, a published file, or published weights by name."""

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from crosscam.errors import WeightsError
from crosscam.files import sha256_of
from crosscam.models.base import ReIDModel, default_preprocess
from crosscam.models.registry import build_model, list_models, outline_model
from crosscam.weights.cache import obtain
from crosscam.weights.downloads import OnBytes
from crosscam.weights.fitting import LoadedWeights, fit_weights, own_names
from crosscam.weights.hub import fetch_model, is_hub, parse_place
from crosscam.weights.published import WEIGHTS, PublishedWeights, list_weights
from crosscam.weights.reading import Checkpoint, read_checkpoint
from crosscam.weights.saved import (
    WEIGHTS_FILE,
    InputCard,
    ModelCard,
    TrainingCard,
    load_saved,
)

_MOST_CLASSES = 10**6
_RUN_STATE = "last.pt"


def load_model(
    name_or_path: str | os.PathLike[str],
    *,
    architecture: str | None = None,
    on_bytes: OnBytes | None = None,
) -> ReIDModel:
    """A trained network in eval mode, on the CPU, with its own `.preprocess` and `.metric`.

    `name_or_path` is a run's folder or the `model.safetensors` in it; a published checkpoint such
    as `resnet50_xent_market1501.pth.tar`; or the name of published weights, such as
    `resnet50-xent-market1501`, which are looked for on this machine and then fetched; or
    `hf://owner/name`, with `@revision` if need be, what `crosscam push` put on the Hugging Face
    Hub. The model of a checkpoint is told by the beginning of its file's name, or by
    `architecture`. `on_bytes` is told how far a download is: bytes so far, and in all where that is
    known; the Hub's client shows its own.

    What turns pictures into features and probabilities is `crosscam.load_embedder`; this is for
    those who want the network alone.

    Nothing in a file is executed. Raises `WeightsError` if there is no such model, if it cannot be
    had, or if the file is not what it should be.
    """
    model, card = open_model(name_or_path, architecture=architecture, on_bytes=on_bytes)
    model.preprocess, model.metric = card.input.to_preprocess(), card.metric  # type: ignore[assignment]
    return model


def open_model(
    name_or_path: str | os.PathLike[str],
    *,
    architecture: str | None = None,
    on_bytes: OnBytes | None = None,
) -> tuple[ReIDModel, ModelCard]:
    """What `load_model` gives, and the card that says what is known about it."""
    path = fetch_model(parse_place(name_or_path)) if is_hub(name_or_path) else Path(name_or_path)
    if path.is_dir() or path.name == WEIGHTS_FILE:
        if architecture is not None:
            raise WeightsError(f"{path} says itself what it is; leave the model's name out")
        return load_saved(path)
    published = WEIGHTS.get(os.fspath(name_or_path))
    if published is not None and not path.exists():
        path = obtain(published, on_bytes=on_bytes)
        architecture = architecture or published.architecture
    elif not path.is_file():
        raise WeightsError(
            f"no such run, weight file or published weights: {path}; published are "
            f"{', '.join(list_weights())}"
        )
    return open_checkpoint(path, architecture=architecture)


def open_checkpoint(path: Path, *, architecture: str | None) -> tuple[ReIDModel, ModelCard]:
    """The model of a checkpoint that crosscam did not write, in eval mode, and a card for it."""
    if path.name == _RUN_STATE and (path.parent / "recipe.toml").is_file():
        raise WeightsError(
            f"{path} is the state of a training, which does not say how the model is to be used; "
            f"give the run's folder, {path.parent}, once crosscam resume has completed it"
        )
    architecture = architecture or _architecture_of(path)
    checkpoint = read_checkpoint(path)
    model = build_model(architecture, num_classes=_num_classes(checkpoint, architecture, path))
    loaded = fit_weights(model, checkpoint.weights, source=str(path))
    return model.eval(), _card(model, architecture, checkpoint, loaded, path)


def _architecture_of(path: Path) -> str:
    stem = path.name.lower().replace("-", "_")
    named = [name for name in list_models() if f"{stem}_".startswith((f"{name}_", f"{name}."))]
    if not named:
        raise WeightsError(
            f"the name of {path} does not begin with a model's, such as resnet50_xent_market1501"
            f".pth.tar; say which it is: {', '.join(list_models())} (--model)"
        )
    return max(named, key=len)


def _num_classes(checkpoint: Checkpoint, architecture: str, path: Path) -> int:
    """How many people the classifiers in a checkpoint tell apart; 1 where it holds none."""
    model = outline_model(architecture, num_classes=1)
    weights, _ = own_names(checkpoint.weights, model, source=str(path))
    classifier = weights.get(model.classified_by)
    if classifier is None:
        return 1
    row = model.state_dict()[model.classified_by].shape[1:]
    if classifier.shape[1:] != row or not 1 <= len(classifier) <= _MOST_CLASSES:
        raise WeightsError(
            f"{path} has no usable {model.classified_by}: its shape is {tuple(classifier.shape)}; "
            f"is it of another model than {architecture}?"
        )
    return len(classifier)


def _card(
    model: ReIDModel,
    architecture: str,
    checkpoint: Checkpoint,
    loaded: LoadedWeights,
    path: Path,
) -> ModelCard:
    digest = sha256_of(path)
    published = _published_as(path, model, architecture)
    noted = {
        name: checkpoint.notes[name] for name in ("rank1", "epoch") if name in checkpoint.notes
    }
    return ModelCard(
        crosscam=_own_version(),
        architecture=architecture,
        num_classes=model.num_classes,
        feature_dim=model.feature_dim,
        input=InputCard.of(default_preprocess(model)),
        metric="euclidean",
        memory_format="contiguous",
        trained_on=_trained_on(published),
        licence=published.licence if published else "not known; ask whoever made the file",
        source="; ".join([f"{path.name}, SHA-256 {digest}", *loaded.notes]),
        recipe={},
        scores={"noted in the file": noted} if noted else {},
        weights_sha256=digest,
    )


def _own_version() -> str:
    try:
        return version("crosscam")
    except PackageNotFoundError:  # imported from its sources, as torch.hub does
        return "not installed"


def _published_as(path: Path, model: ReIDModel, architecture: str) -> PublishedWeights | None:
    """The published file of this name, if this one is of its model and its people, too."""
    for weights in WEIGHTS.values():
        people = weights.trained_on.identities
        if (weights.file_name, weights.architecture) == (path.name, architecture):
            return weights if people == model.num_classes else None
    return None


def _trained_on(published: PublishedWeights | None) -> TrainingCard:
    if published is None:
        return TrainingCard(
            data="not known",
            identities=None,
            images=None,
            fingerprint=None,
            terms="not known; ask whoever made the file",
            initial_weights=None,
        )
    data = published.trained_on
    return TrainingCard(
        data=data.name,
        identities=data.identities,
        images=data.images,
        fingerprint=None,
        terms=data.terms,
        initial_weights="random" if published.architecture == "hacnn" else "imagenet",
    )
