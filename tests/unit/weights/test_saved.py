"""A saved model comes back as it was, or not at all."""

import json
import os

import golden
import pytest
import torch
from PIL import Image
from tiny import card

import crosscam
from crosscam.data.transforms import Preprocess
from crosscam.errors import WeightsError
from crosscam.weights.saved import read_card, save_card, save_weights


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    model = crosscam.create_model("resnet18", num_classes=4).eval()
    digest = save_weights(tmp_path, model)
    save_card(tmp_path, card(model, weights_sha256=digest))
    return tmp_path, model


@pytest.mark.parametrize("inner", ["", "model.safetensors"])
def test_a_model_comes_back_with_its_features_and_preprocessing(saved, inner):
    folder, model = saved
    loaded = crosscam.load_model(folder / inner)
    images = golden.images(2, 64, 32)
    with torch.inference_mode():
        assert torch.equal(loaded(images), model(images))
    assert loaded.preprocess == Preprocess(64, 32, (0.4, 0.5, 0.6), (0.1, 0.2, 0.3))
    assert loaded.preprocess(Image.new("RGB", (9, 9))).shape == (3, 64, 32)
    assert loaded.metric == "cosine"
    assert not loaded.training


@pytest.mark.slow
def test_the_memory_format_comes_back(saved):
    folder, model = saved
    digest = save_weights(folder, model)
    save_card(folder, card(model, weights_sha256=digest, memory_format="channels_last"))
    weight = crosscam.load_model(folder).layer1[0].conv1.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.slow
def test_weights_of_another_run_are_refused(saved):
    folder, _ = saved
    save_weights(folder, crosscam.create_model("resnet18", num_classes=4))
    with pytest.raises(WeightsError, match="is not the file that model.json beside it describes"):
        crosscam.load_model(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "nope"}, "model.json: unknown model 'nope'"),
        ({"num_classes": 7}, "num_classes or feature_dim is another"),
        ({"feature_dim": 7}, "num_classes or feature_dim is another"),
    ],
)
def test_a_card_of_another_model_is_refused(saved, change, message):
    folder, model = saved
    save_card(folder, card(model, weights_sha256=read_card(folder).weights_sha256, **change))
    with pytest.raises(WeightsError, match=message):
        crosscam.load_model(folder)


def test_a_folder_for_a_card_is_refused(tmp_path):
    (tmp_path / "model.json").mkdir()
    with pytest.raises(WeightsError, match="cannot read .*model.json"):
        read_card(tmp_path)


def test_a_folder_without_a_model_says_what_was_looked_for(tmp_path):
    with pytest.raises(WeightsError, match="looked for model.json there; .*crosscam resume"):
        crosscam.load_model(tmp_path)
    with pytest.raises(WeightsError, match="no such run, weight file or published weights"):
        crosscam.load_model(tmp_path / "gone")


def test_another_file_is_no_model(saved):
    folder, _ = saved
    with pytest.raises(WeightsError, match="model.json does not begin with a model's"):
        crosscam.load_model(folder / "model.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: {**c, "format": 2}, "format: Input should be 1"),
        (lambda c: {**c, "more": 2}, "more: Extra inputs"),
        (lambda c: {k: v for k, v in c.items() if k != "input"}, "input: Field required"),
        (lambda c: "text", "Input should be an object"),
        (lambda c: {**c, "num_classes": 10**13}, "num_classes: Input should be less"),
        (lambda c: {**c, "input": {**c["input"], "std": [0, 1, 1]}}, "input.std.0"),
    ],
)
def test_a_broken_card_is_refused_by_its_field(saved, change, message):
    folder, _ = saved
    content = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(change(content)))
    with pytest.raises(WeightsError, match=message):
        read_card(folder)
    (folder / "model.json").write_bytes(b"\xff{")
    with pytest.raises(WeightsError, match="is no card of a model"):
        read_card(folder)


@pytest.mark.parametrize(
    "change", [{"architecture": "resnet50", "num_classes": 10**6}, {"num_classes": 10**6}]
)
def test_no_network_is_made_that_the_weights_are_not_of(saved, monkeypatch, change):
    folder, model = saved
    save_card(folder, card(model, weights_sha256=read_card(folder).weights_sha256, **change))
    monkeypatch.setattr("crosscam.weights.saved.build_model", None)
    with pytest.raises(WeightsError, match="lacks: layer|num_classes or feature_dim is another"):
        crosscam.load_model(folder)


def test_only_a_plain_file_is_a_card(tmp_path):
    os.mkfifo(tmp_path / "model.json")
    with pytest.raises(WeightsError, match="cannot read .*model.json"):
        read_card(tmp_path)


@pytest.mark.parametrize("field", ["licence", "source", "crosscam", "architecture"])
def test_long_texts_are_refused(saved, field):
    folder, _ = saved
    content = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**content, field: "\x1b]0;" * 501}))
    with pytest.raises(WeightsError, match=f"{field}: String should have at most 2000"):
        read_card(folder)


@pytest.mark.parametrize(
    "recipe",
    ["[" * 100_000 + "]" * 100_000, "9" * 5000, '{"a":' * 100_000 + "1" + "}" * 100_000, '"\\ud8"'],
)
def test_what_no_parser_takes_is_no_card(saved, recipe):
    folder, _ = saved
    content = json.loads((folder / "model.json").read_text())
    text = json.dumps({**content, "recipe": "HERE"}).replace('"HERE"', recipe)
    (folder / "model.json").write_text(text)
    with pytest.raises(WeightsError, match="is no card of a model") as caught:
        read_card(folder)
    assert len(str(caught.value)) < 500


def test_a_card_of_many_megabytes_is_refused_unread(saved):
    folder, _ = saved
    with (folder / "model.json").open("ab") as file:
        file.truncate((1 << 24) + 1)
    with pytest.raises(WeightsError, match="no card of a model: it has over"):
        read_card(folder)


def test_names_that_a_card_makes_up_cannot_write_to_the_terminal(saved):
    folder, _ = saved
    content = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**content, "\x1b[2J" + "a" * 9999: 1}))
    with pytest.raises(WeightsError, match=r"no card of a model: \\x1b\[2Ja") as caught:
        read_card(folder)
    assert len(str(caught.value)) < 500
