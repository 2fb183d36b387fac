"""Calibrating an embedder: by people whom training has not seen."""

from collections.abc import Sequence
from dataclasses import replace

from crosscam.data.fingerprint import TRAIN, fingerprint
from crosscam.data.holdout import hold_out, set_aside
from crosscam.data.progress import OnImages, unwatched
from crosscam.data.registry import people_of
from crosscam.decisions.calibrating import fit_calibration
from crosscam.devices import repeatable
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.samples import embed_samples
from crosscam.errors import DataError, InputError
from crosscam.evaluation.cameras import as_known
from crosscam.recipe import recipe_of, seed_of
from crosscam.types import ReIDDataset, Sample
from crosscam.weights.saved import ModelCard

_OWN = "folder"  # a name that any two sets of own pictures share
_CARD = "of the model's card"


def calibrate(
    embedder: Embedder,
    dataset: ReIDDataset,
    *,
    batch_size: int = 100,
    workers: int = 0,
    on_images: OnImages = unwatched,
) -> Embedder:
    """The embedder with a calibration, fitted to training people whom its model has not seen.

    If the model was trained on `dataset`, the people are those that its run held out, else all
    training people. Test people are never used. The calibration stands in the card, too, which
    `crosscam.weights.saved.save_card` writes. `on_images` is told what is looked at and how many
    images it has, and returns what to tell how many are done.

    Raises `DataError` if there are no training people whom it has not seen, and `InputError` if
    they are too few, if the model tells nobody apart, and for one that was not saved; `RecipeError`
    if the card's recipe is none.
    """
    card = embedder.card
    if card is None:
        raise InputError("only a saved model can be calibrated: load it with load_embedder")
    data, samples = _unseen(embedder, card, dataset)
    with repeatable(threads=0):
        found = calibrate_on(
            embedder,
            samples,
            data=data,
            seed=seed_of(card.recipe, source=_CARD),
            batch_size=batch_size,
            workers=workers,
            on_images=on_images,
        )
    return replace(found, card=card.model_copy(update={"calibration": found.calibration}))


def calibrate_on(
    embedder: Embedder,
    samples: Sequence[Sample],
    *,
    data: str,
    seed: int,
    batch_size: int = 100,
    workers: int = 0,
    on_images: OnImages = unwatched,
) -> Embedder:
    """The embedder with a calibration, fitted to samples of people whom training has not seen.

    Its weights were saved, or read from a file. `data` says in the calibration who the people are.
    Raises `InputError` if there are too few people or pairs, and if the model tells nobody apart.
    """
    images = embed_samples(
        embedder,
        samples,
        batch_size=batch_size,
        workers=workers,
        on_batch=on_images("calibrating", len(samples)),
    )
    calibration = fit_calibration(
        images, metric=embedder.metric, data=data, made_by=str(embedder.made_by), seed=seed
    )
    return replace(embedder, calibration=calibration)


def _unseen(
    embedder: Embedder, card: ModelCard, dataset: ReIDDataset
) -> tuple[str, Sequence[Sample]]:
    """Who was not trained on, in words and as samples. Raises `DataError` if that is nobody."""
    if not dataset.train:
        raise DataError(f"data set {dataset.name!r} has no training people to calibrate by")
    trained_on = card.trained_on
    if trained_on.is_of(dataset):
        return f"{dataset.name}, people held out of training", _held_out(card, dataset)
    _refuse_one_of_several(card, dataset)
    ours, theirs = people_of(trained_on.data), people_of(dataset.name)
    if ours == theirs != _OWN:
        raise DataError(
            f"the model was trained on {trained_on.data}, and its distances flatter people whom it "
            f"was trained on; these are not the files that its run held people out of. Give other "
            "data"
        )
    return f"{dataset.name}, training people", as_known(embedder, dataset, dataset.train)


def _refuse_one_of_several(card: ModelCard, dataset: ReIDDataset) -> None:
    """Raise `DataError` for one of the data sets that the model was trained on together."""
    seen = [one for one in card.data_sets if one.trained_on]
    if not seen:
        return
    base, train = people_of(dataset.name), fingerprint(dataset, splits=TRAIN)
    names = {people_of(one.data) for one in seen} - {_OWN}
    if base in names or train in {one.train_fingerprint for one in seen}:
        raise DataError(
            f"the model was trained on {card.trained_on.data} as one, and calibrates by people "
            f"held out of all of them, not of {dataset.name} alone; leave --data out, or give data "
            "that it was not trained on"
        )


def _held_out(card: ModelCard, dataset: ReIDDataset) -> Sequence[Sample]:
    recipe = recipe_of(card.recipe, source=_CARD)
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
