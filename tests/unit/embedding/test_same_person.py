"""Asking a model whether two pictures show the same person, and giving it what that takes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import card, write_coloured

import crosscam
from crosscam.data.fingerprint import fingerprint
from crosscam.data.images import read_image
from crosscam.embedding.load import load_embedder
from crosscam.embedding.samples import embed_samples
from crosscam.errors import CrosscamWarning, DataError, InputError, RecipeError, WeightsError
from crosscam.weights.saved import TrainingCard, read_card, save_card, save_weights, saved_folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    root = write_coloured(tmp_path_factory.mktemp("data") / "market1501")
    return crosscam.load_dataset("market1501", root)


def save(folder, **changes):
    """A model that was never trained, whose features still tell colours apart."""
    torch.manual_seed(0)
    model = crosscam.create_model("resnet18", num_classes=4).eval()
    save_card(folder, card(model, weights_sha256=save_weights(folder, model), **changes))
    return folder


def trained_on(name, digest):
    about = {"identities": 1, "images": 1, "terms": "", "initial_weights": None}
    return TrainingCard(data=name, fingerprint=digest, **about)


def calibrate(run, data):
    """What the command does: fit it, and write it into the card."""
    calibrated = crosscam.calibrate(load_embedder(run, runtime="torch"), data)
    save_card(saved_folder(run), calibrated.card)
    return calibrated.calibration


@pytest.fixture(scope="module")
def run(tmp_path_factory, data):
    folder = save(tmp_path_factory.mktemp("run"))
    calibrate(folder, data)
    return folder


@pytest.fixture(scope="module")
def embedder(run):
    return load_embedder(run, runtime="torch")


def pictures(samples):
    return [read_image(sample.path) for sample in samples]


@pytest.mark.slow
def test_two_pictures_give_a_float_and_more_give_an_array(embedder, data):
    one, same, other = data.query[0], data.query[1], data.query[5]
    assert one.pid == same.pid != other.pid
    first, second, third = pictures([one, same, other])
    alike, unlike = embedder.same_person(first, second), embedder.same_person(first, third)
    assert isinstance(alike, float)
    assert 0 <= unlike < alike <= 1
    both = embedder.same_person([first, first], [second, third])
    np.testing.assert_allclose(both, [alike, unlike], atol=1e-6)
    assert embedder.same_person([], []).shape == (0,)
    assert embedder.same_person(first, third, prior=0.01) < unlike


def test_features_are_as_good_as_pictures(embedder, data):
    images = embed_samples(embedder, data.query[:6])
    expected = embedder.same_person(pictures(data.query[:3]), pictures(data.query[3:6]))
    for make in (np.asarray, torch.from_numpy):
        found = embedder.same_person(make(images.features[:3]), make(images.features[3:]))
        np.testing.assert_allclose(found, expected, atol=1e-5)
    halves = (
        replace(images, features=images.features[rows], pids=images.pids[rows], camids=None)
        for rows in (slice(3), slice(3, 6))
    )
    np.testing.assert_allclose(embedder.same_person(*halves), expected, atol=1e-5)


def test_it_is_the_calibration_of_the_distance(embedder, data):
    images = embed_samples(embedder, data.query[:2])
    one, other = images.features.astype(np.float64)
    distance = 1 - one @ other / np.sqrt((one @ one) * (other @ other))
    found = embedder.same_person(images.features[:1], images.features[1:])
    np.testing.assert_allclose(found, embedder.calibration.probability([distance]), rtol=1e-9)


def test_other_features_are_warned_of(embedder, data):
    flipped = embed_samples(embedder, data.query[:2], flip=True)
    with pytest.warns(CrosscamWarning, match="these features were made by other weights"):
        embedder.same_person(flipped, flipped)
    unknown = replace(flipped, made_by=None)
    embedder.same_person(unknown, unknown)


def test_another_preprocessing_is_warned_of(embedder, data):
    other_size = replace(embedder, preprocess=replace(embedder.preprocess, height=32))
    one, other = pictures(data.query[:2])
    with pytest.warns(CrosscamWarning, match="another preprocessing"):
        other_size.same_person(one, other)


@pytest.mark.slow
def test_a_calibration_of_other_weights_is_warned_of(tmp_path, run, data):
    folder = save(tmp_path)
    torch.manual_seed(1)
    other = crosscam.create_model("resnet18", num_classes=4)
    digest = save_weights(folder, other)
    calibration = read_card(run).calibration
    save_card(folder, card(other, weights_sha256=digest, calibration=calibration))
    one, two = pictures(data.query[:2])
    with pytest.warns(CrosscamWarning, match="belongs to other weights"):
        load_embedder(folder, runtime="torch").same_person(one, two)


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (1, 2, "give pictures, a sequence of them, .N, D. features or Embeddings, not int"),
        ([1, 2], [3, 4], "picture 0 is a int; give a path, a PIL image or a uint8 array"),
        (np.ones((2, 3)), np.ones((2, 3)), "are .N, 512. floating numbers, not .2, 3."),
        (
            np.ones((2, 512), np.int64),
            np.ones((2, 512)),
            "floating numbers, not .2, 512. int64",
        ),
        (np.full((1, 512), np.nan), np.ones((1, 512)), "some features are not finite"),
        (np.ones((2, 512)), np.ones((3, 512)), "pairs need as many on both sides"),
    ],
)
def test_what_does_not_pair_is_refused(embedder, one, other, message):
    with pytest.raises(InputError, match=message):
        embedder.same_person(one, other)


def test_a_model_without_a_calibration_says_how_to_get_one(tmp_path):
    model = load_embedder(save(tmp_path), runtime="torch")
    picture = Image.new("RGB", (16, 32))
    with pytest.raises(InputError, match="has no calibration.*calibration.held_out=0.1"):
        model.same_person(picture, picture)


def test_a_card_of_before_still_loads(tmp_path):
    folder = save(tmp_path)
    content = json.loads((folder / "model.json").read_text())
    del content["calibration"]
    (folder / "model.json").write_text(json.dumps(content))
    assert load_embedder(folder, runtime="torch").calibration is None


@pytest.mark.slow
def test_calibrating_changes_nothing_but_the_calibration(tmp_path, data):
    folder = save(tmp_path)
    before = read_card(folder)
    found = calibrate(folder / "model.safetensors", data)
    after = read_card(folder)
    assert after.calibration == found
    assert after.model_copy(update={"calibration": None}) == before
    assert found.data == "market1501, training people"
    assert set(found.pids) == {sample.pid for sample in data.train}
    assert found.made_by == load_embedder(folder, runtime="torch").made_by
    assert calibrate(folder, data) == found


@pytest.mark.slow
def test_people_who_were_trained_on_are_refused(tmp_path, data):
    same, other = fingerprint(data), "0"
    recipe = crosscam.load_recipe("resnet18-xent-htri")
    seen = recipe.model_dump(mode="json", exclude_none=True)
    folder = save(tmp_path, trained_on=trained_on("market1501", same), recipe=seen)
    with pytest.raises(DataError, match="all training people of market1501"):
        calibrate(folder, data)
    save(tmp_path, trained_on=trained_on("market1501", other), recipe=seen)
    with pytest.raises(DataError, match="was trained on market1501"):
        calibrate(folder, data)
    assert read_card(folder).calibration is None


def test_a_card_whose_recipe_is_none_is_refused(tmp_path, data):
    folder = save(tmp_path, recipe={"seed": "often"})
    with pytest.raises(RecipeError, match="recipe of the model's card: seed: .*, not 'often'"):
        calibrate(folder, data)
    same = trained_on("market1501", fingerprint(data))
    save(tmp_path, trained_on=same, recipe={"seed": 1, "calibration": {"hold_out": 0.1}})
    with pytest.raises(RecipeError, match="unknown key calibration.hold_out; did you mean held_"):
        calibrate(folder, data)


@pytest.mark.parametrize(
    "override", ["calibration.held_out=0.5", ("selection.keep=best", "selection.held_out=0.5")]
)
def test_people_whom_a_run_held_out_are_taken(tmp_path, data, override):
    overrides = [override] if isinstance(override, str) else override
    recipe = crosscam.load_recipe("resnet18-xent-htri", overrides)
    folder = save(
        tmp_path,
        trained_on=trained_on("market1501", fingerprint(data)),
        recipe=recipe.model_dump(mode="json", exclude_none=True),
    )
    found = calibrate(folder, data)
    assert found.data == "market1501, people held out of training"
    assert len(found.pids) == 12
    assert set(found.pids) < {sample.pid for sample in data.train}


@pytest.mark.slow
def test_what_cannot_be_calibrated_is_refused(tmp_path, data):
    with pytest.raises(WeightsError, match="no such run"):
        calibrate(tmp_path / "nothing", data)
    folder = save(tmp_path)
    with pytest.raises(DataError, match="has no training people"):
        calibrate(folder, replace(data, train=()))
    few = tuple(sample for sample in data.train if sample.pid <= 3)
    with pytest.raises(InputError, match="too few to fit a probability to"):
        calibrate(folder, replace(data, train=few))
    assert read_card(folder).calibration is None
