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
        ({"head": BNNECK, "architecture": "hacnn"}, "made for another model"),
        ({"head": Head(projection=8)}, "lacks: projection.weight"),
    ],
)
def test_a_card_of_another_end_is_refused(tmp_path, headed, changes, message):
    save(tmp_path, headed, **changes)
    with pytest.raises(WeightsError, match=message):
        crosscam.load_model(tmp_path)


@pytest.mark.parametrize(
    "settings",
    [
        {"pool": "gem", "learn_power": False, "power": 4.0, "tested": "before"},
        {"pool": "attention", "projection": 16, "classifier": "circle", "margin": 0.2},
    ],
)
def test_any_head_comes_back_as_it_was(tmp_path, settings):
    head = Head(**settings)
    model = golden.fill(crosscam.create_model("lightres", num_classes=4, head=head)).eval()
    save(tmp_path, model, head=head)
    loaded = crosscam.load_model(tmp_path)
    images = golden.images(2, 64, 32)
    with torch.inference_mode():
        assert loaded(images).equal(model(images))
    assert read_card(tmp_path).head == head
    written = json.loads((tmp_path / CARD_FILE).read_text())["head"]
    assert written == head.model_dump()
    assert written.items() >= settings.items()
    assert None not in written.values()


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


@pytest.mark.parametrize(
    ("head", "remark"),
    [({}, None), ({"classifier": "circle"}, None), ({"pool": "gem"}, "another head")],
)
def test_of_a_run_with_another_head_it_starts_from_the_network_and_says_so(
    tmp_path, headed, head, remark
):
    save(tmp_path, headed, head=BNNECK)
    notes = []
    model = crosscam.create_model(
        "lightres", num_classes=4, head=head, weights=tmp_path, on_note=notes.append
    )
    assert same(model.network, headed.network)
    assert model.neck.norm.weight.equal(headed.neck.norm.weight) == (remark is None)
    assert [remark in note for note in notes] == ([] if remark is None else [True])


def test_a_start_without_its_classifier_keeps_the_rest_of_the_head(tmp_path, headed):
    weights = headed.state_dict()
    del weights["classifier.weight"]
    save_file(weights, tmp_path / "start.safetensors")
    model = crosscam.create_model(
        "lightres", num_classes=4, head={}, weights=tmp_path / "start.safetensors"
    )
    assert same(model, headed, but="classifier.")


@pytest.mark.parametrize("name", ["squeezenet", "osnet_x0_25"])
def test_networks_of_other_ends_start_without_them_too(tmp_path, name):
    plain = golden.fill(crosscam.create_model(name, num_classes=9))
    save_file(plain.state_dict(), tmp_path / "start.safetensors")
    model = crosscam.create_model(
        name, num_classes=4, head={"pool": "gem"}, weights=tmp_path / "start.safetensors"
    )
    assert same(model.network, plain)


def test_a_start_that_lacks_a_layer_is_refused(tmp_path):
    plain = crosscam.create_model("lightres", num_classes=4).state_dict()
    del plain["stem.0.weight"]
    save_file(plain, tmp_path / "start.safetensors")
    with pytest.raises(WeightsError, match="lacks: stem.0.weight"):
        crosscam.create_model(
            "lightres", num_classes=4, head=BNNECK, weights=tmp_path / "start.safetensors"
        )
