"""What a model with another end starts from, and how it is saved and comes back."""

import json

import golden
import pytest
import torch
from safetensors.torch import save_file
from tiny import card

import crosscam
from crosscam.errors import WeightsError
from crosscam.settings.head import Head
from crosscam.weights.saved import CARD_FILE, read_card, save_card, save_weights

BNNECK = Head(name="bnneck")


@pytest.fixture
def headed():
    return golden.fill(crosscam.create_model("lightres", num_classes=4, head=BNNECK)).eval()


def save(folder, model, **changes):
    digest = save_weights(folder, model)
    content = {"architecture": "lightres", "weights_sha256": digest, **changes}
    save_card(folder, card(model, **content))


def same(model, other, *, but=()):
    theirs = other.state_dict()
    return all(
        value.equal(theirs[name])
        for name, value in model.state_dict().items()
        if not name.startswith(but)
    )


def test_it_comes_back_as_it_was(tmp_path, headed):
    save(tmp_path, headed, head=BNNECK)
    loaded = crosscam.load_model(tmp_path)
    images = golden.images(2, 64, 32)
    with torch.inference_mode():
        assert loaded(images).equal(headed(images))
    assert read_card(tmp_path).head == BNNECK
    assert json.loads((tmp_path / CARD_FILE).read_text())["head"] == {"name": "bnneck"}


def test_a_card_of_an_own_end_says_nothing_of_a_head(tmp_path):
    model = crosscam.create_model("lightres", num_classes=4)
    save(tmp_path, model)
    assert "head" not in json.loads((tmp_path / CARD_FILE).read_text())
    assert read_card(tmp_path).head is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"head": None}, "made for another model"),
        ({"head": BNNECK, "num_classes": 5}, "num_classes or feature_dim is another"),
        ({"head": BNNECK, "architecture": "hacnn"}, "model.json: hacnn can have no end but its"),
    ],
)
def test_a_card_of_another_end_is_refused(tmp_path, headed, changes, message):
    save(tmp_path, headed, **changes)
    with pytest.raises(WeightsError, match=message):
        crosscam.load_model(tmp_path)


def test_a_card_of_an_unknown_head_names_the_known(tmp_path, headed):
    save(tmp_path, headed, head=BNNECK)
    text = (tmp_path / CARD_FILE).read_text()
    (tmp_path / CARD_FILE).write_text(text.replace("bnneck", "novel"))
    with pytest.raises(WeightsError, match="head.name: Input should be 'bnneck'"):
        crosscam.load_model(tmp_path)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_it_starts_from_its_networks_weights_without_their_end(tmp_path, prefix):
    plain = golden.fill(crosscam.create_model("lightres", num_classes=9))
    weights = {f"{prefix}{name}": value for name, value in plain.state_dict().items()}
    save_file(weights, tmp_path / "start.safetensors")
    notes = []
    model = crosscam.create_model(
        "lightres",
        num_classes=4,
        head=BNNECK,
        weights=tmp_path / "start.safetensors",
        on_note=notes.append,
    )
    assert same(model.network, plain)
    assert len(notes) == bool(prefix)
    assert model.neck.norm.weight.equal(torch.ones(256))


@pytest.mark.parametrize("num_classes", [4, 6])
def test_it_starts_from_a_run_with_such_a_head(tmp_path, headed, num_classes):
    save(tmp_path, headed, head=BNNECK)
    model = crosscam.create_model(
        "lightres", num_classes=num_classes, head=BNNECK, weights=tmp_path
    )
    assert same(model, headed, but="classifier.")
    assert same(model.classifier, headed.classifier) == (num_classes == 4)


def test_a_start_that_lacks_a_layer_is_refused(tmp_path):
    plain = crosscam.create_model("lightres", num_classes=4).state_dict()
    del plain["stem.0.weight"]
    save_file(plain, tmp_path / "start.safetensors")
    with pytest.raises(WeightsError, match="lacks: stem.0.weight"):
        crosscam.create_model(
            "lightres", num_classes=4, head=BNNECK, weights=tmp_path / "start.safetensors"
        )
