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
from crosscam.embedding.embed import embed
from crosscam.errors import CrosscamWarning, DataError, InputError, WeightsError
from crosscam.weights.saved import TrainingCard, read_card, save_card, save_weights


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


@pytest.fixture(scope="module")
def run(tmp_path_factory, data):
    folder = save(tmp_path_factory.mktemp("run"))
    crosscam.calibrate(folder, data)
    return folder


@pytest.fixture
def model(run):
    return crosscam.load_model(run)


def pictures(samples):
    return [read_image(sample.path) for sample in samples]


def test_two_pictures_give_a_float_and_more_give_an_array(model, data):
    one, same, other = data.query[0], data.query[1], data.query[5]
    assert one.pid == same.pid != other.pid
    first, second, third = pictures([one, same, other])
    alike, unlike = model.same_person(first, second), model.same_person(first, third)
    assert isinstance(alike, float)
    assert 0 <= unlike < alike <= 1
    both = model.same_person([first, first], [second, third])
    np.testing.assert_allclose(both, [alike, unlike], atol=1e-6)
    assert model.same_person([], []).shape == (0,)
    assert model.same_person(first, third, prior=0.01) < unlike
    assert not model.training


def test_features_are_as_good_as_pictures(model, data):
    images = embed(model, data.query[:6])
    expected = model.same_person(pictures(data.query[:3]), pictures(data.query[3:6]))
    for make in (np.asarray, torch.from_numpy):
        found = model.same_person(make(images.features[:3]), make(images.features[3:]))
        np.testing.assert_allclose(found, expected, atol=1e-5)
    halves = (
        replace(images, features=images.features[rows], pids=images.pids[rows], camids=None)
        for rows in (slice(3), slice(3, 6))
    )
    np.testing.assert_allclose(model.same_person(*halves), expected, atol=1e-5)


def test_it_is_the_calibration_of_the_distance(model, data):
    images = embed(model, data.query[:2])
    one, other = images.features.astype(np.float64)
    distance = 1 - one @ other / np.sqrt((one @ one) * (other @ other))
    found = model.same_person(images.features[:1], images.features[1:])
    np.testing.assert_allclose(found, model.calibration.probability([distance]), rtol=1e-9)


def test_other_features_are_warned_of(model, data):
    flipped = embed(model, data.query[:2], flip=True)
    with pytest.warns(CrosscamWarning, match="these features were made by other weights"):
        model.same_person(flipped, flipped)
    unknown = replace(flipped, made_by=None)
    model.same_person(unknown, unknown)


def test_another_preprocessing_is_warned_of(model, data):
    model.preprocess = replace(model.preprocess, height=32)
    one, other = pictures(data.query[:2])
    with pytest.warns(CrosscamWarning, match="another preprocessing"):
        model.same_person(one, other)


def test_a_calibration_of_other_weights_is_warned_of(tmp_path, run, data):
    folder = save(tmp_path)
    torch.manual_seed(1)
    other = crosscam.create_model("resnet18", num_classes=4)
    digest = save_weights(folder, other)
    calibration = read_card(run).calibration
    save_card(folder, card(other, weights_sha256=digest, calibration=calibration))
    one, two = pictures(data.query[:2])
    with pytest.warns(CrosscamWarning, match="belongs to other weights"):
        crosscam.load_model(folder).same_person(one, two)


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ("a.jpg", "b.jpg", "give PIL images, .N, D. features or Embeddings, not str"),
        ([1, 2], [3, 4], "give PIL images"),
        (np.ones((2, 3)), np.ones((2, 3)), "are .N, 512. floating numbers, not .2, 3."),
        (
            np.ones((2, 512), np.int64),
            np.ones((2, 512)),
            "floating numbers, not .2, 512. torch.int",
        ),
        (np.full((1, 512), np.nan), np.ones((1, 512)), "some features are not finite"),
        (np.ones((2, 512)), np.ones((3, 512)), "pairs need as many on both sides"),
    ],
)
def test_what_does_not_pair_is_refused(model, one, other, message):
    with pytest.raises(InputError, match=message):
        model.same_person(one, other)


def test_a_model_without_a_calibration_says_how_to_get_one(tmp_path):
    model = crosscam.load_model(save(tmp_path))
    picture = Image.new("RGB", (16, 32))
    with pytest.raises(InputError, match="has no calibration.*calibration.held_out=0.1"):
        model.same_person(picture, picture)


def test_a_card_of_before_still_loads(tmp_path):
    folder = save(tmp_path)
    content = json.loads((folder / "model.json").read_text())
    del content["calibration"]
    (folder / "model.json").write_text(json.dumps(content))
    assert crosscam.load_model(folder).calibration is None


def test_calibrating_changes_nothing_but_the_calibration(tmp_path, data):
    folder = save(tmp_path)
    before = read_card(folder)
    found = crosscam.calibrate(folder / "model.safetensors", data)
    after = read_card(folder)
    assert after.calibration == found
    assert after.model_copy(update={"calibration": None}) == before
    assert found.data == "market1501, training people"
    assert set(found.pids) == {sample.pid for sample in data.train}
    assert found.made_by == crosscam.load_model(folder).made_by
    assert crosscam.calibrate(folder, data) == found


def test_people_who_were_trained_on_are_refused(tmp_path, data):
    same, other = fingerprint(data), "0"
    recipe = crosscam.load_recipe("resnet18-xent-htri")
    seen = recipe.model_dump(mode="json", exclude_none=True)
    folder = save(tmp_path, trained_on=trained_on("market1501", same), recipe=seen)
    with pytest.raises(DataError, match="all training people of market1501"):
        crosscam.calibrate(folder, data)
    save(tmp_path, trained_on=trained_on("market1501", other), recipe=seen)
    with pytest.raises(DataError, match="was trained on market1501"):
        crosscam.calibrate(folder, data)
    assert read_card(folder).calibration is None


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
    found = crosscam.calibrate(folder, data)
    assert found.data == "market1501, people held out of training"
    assert len(found.pids) == 12
    assert set(found.pids) < {sample.pid for sample in data.train}


def test_what_cannot_be_calibrated_is_refused(tmp_path, data):
    with pytest.raises(WeightsError, match="no such run"):
        crosscam.calibrate(tmp_path / "nothing", data)
    folder = save(tmp_path)
    with pytest.raises(DataError, match="has no training people"):
        crosscam.calibrate(folder, replace(data, train=()))
    few = tuple(sample for sample in data.train if sample.pid <= 3)
    with pytest.raises(InputError, match="too few to fit a probability to"):
        crosscam.calibrate(folder, replace(data, train=few))
    assert read_card(folder).calibration is None
