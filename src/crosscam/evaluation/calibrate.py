"""Giving a model a calibration: fitted to people it has not seen, and written into its card."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from crosscam.data.fingerprint import fingerprint
from crosscam.data.holdout import hold_out, set_aside
from crosscam.data.progress import OnImages, unwatched
from crosscam.decisions.calibrating import fit_calibration
from crosscam.decisions.calibration import Calibration
from crosscam.devices import repeatable
from crosscam.embedding.embed import embed
from crosscam.errors import DataError
from crosscam.models.base import ReIDModel
from crosscam.recipe import Recipe
from crosscam.types import ReIDDataset, Sample
from crosscam.weights.saved import ModelCard, load_saved, save_card

_OWN = "folder"  # a name that any two sets of own pictures share


def calibrate_model(
    model: ReIDModel,
    samples: Sequence[Sample],
    *,
    data: str,
    seed: int,
    batch_size: int = 100,
    workers: int = 0,
    on_images: OnImages = unwatched,
) -> Calibration:
    """Fit a calibration to samples of people whom training has not seen, and give it to `model`.

    The model's weights were saved, or read from a file. `data` says in the calibration who the
    people are. Raises `InputError` if there are too few people or pairs, and if the model tells
    nobody apart.
    """
    images = embed(
        model,
        samples,
        batch_size=batch_size,
        workers=workers,
        on_batch=on_images("calibrating", len(samples)),
    )
    model.calibration = fit_calibration(
        images, metric=model.metric, data=data, made_by=str(model.made_by), seed=seed
    )
    return model.calibration


def calibrate(
    run: str | os.PathLike[str],
    dataset: ReIDDataset,
    *,
    device: torch.device | None = None,
    batch_size: int = 100,
    workers: int = 0,
    on_images: OnImages = unwatched,
) -> Calibration:
    """Fit a calibration to training people of `dataset` whom the model of `run` has not seen.

    `run` is a run's folder, or one that `crosscam convert` made; its `model.json` is replaced by
    one with the calibration. If the run was trained on `dataset`, the people are those that it held
    out, else all training people. Test people are never used. `on_images` is told what is looked at
    and how many images it has, and returns what to tell how many are done.

    Raises `WeightsError` if there is no such model, `DataError` if there are no training people
    whom it has not seen, and `InputError` if they are too few.
    """
    model, card = load_saved(run)
    data, samples = _unseen(card, dataset)
    with repeatable(threads=0):
        found = calibrate_model(
            model.to(device or torch.device("cpu")),
            samples,
            data=data,
            seed=card.recipe.get("seed", 0),
            batch_size=batch_size,
            workers=workers,
            on_images=on_images,
        )
    folder = Path(run) if Path(run).is_dir() else Path(run).parent
    save_card(folder, card.model_copy(update={"calibration": found}))
    return found


def _unseen(card: ModelCard, dataset: ReIDDataset) -> tuple[str, Sequence[Sample]]:
    """Who was not trained on, in words and as samples. Raises `DataError` if that is nobody."""
    if not dataset.train:
        raise DataError(f"data set {dataset.name!r} has no training people to calibrate by")
    trained_on = card.trained_on
    if trained_on.fingerprint == fingerprint(dataset):
        return f"{dataset.name}, people held out of training", _held_out(card, dataset)
    ours, theirs = (name.partition(":")[0] for name in (trained_on.data, dataset.name))
    if ours == theirs != _OWN:
        raise DataError(
            f"the model was trained on {trained_on.data}, and its distances flatter people whom it "
            f"was trained on; these are not the files that its run held people out of. Give other "
            "data"
        )
    return f"{dataset.name}, training people", dataset.train


def _held_out(card: ModelCard, dataset: ReIDDataset) -> Sequence[Sample]:
    recipe = Recipe.model_validate(card.recipe, strict=False)
    share = recipe.calibration.held_out
    if share:
        return set_aside(dataset.train, share=share, seed=recipe.seed)[0]
    if recipe.selection.keep == "best":
        held = hold_out(
            dataset.train, share=recipe.selection.held_out, seed=recipe.seed, name=dataset.name
        )
        return (*held.query, *held.gallery)
    raise DataError(
        f"the model was trained on all training people of {dataset.name}, and its distances "
        "flatter them; give people of other data, or train it with --set calibration.held_out=0.1"
    )
