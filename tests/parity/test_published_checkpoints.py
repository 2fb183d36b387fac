"""Checkpoints in the shape of the published ones: read, described, converted, found by name."""

import dataclasses
import hashlib
import json
import re
from pathlib import Path

import golden
import numpy as np
import pytest
import torch
from command import crosscam as command
from pickled_2018 import old_file, write_2018

import crosscam
from crosscam.cli.main import run
from crosscam.errors import WeightsError
from crosscam.weights.load import open_model
from crosscam.weights.published import WEIGHTS
from crosscam.weights.reading import read_checkpoint

IDENTITIES = {"market1501": 751, "cuhk03": 767, "dukemtmcreid": 702, "msmt17": 1041}
# By data set, what a file may do, in turn: dots in DenseNet's names, `module.` in front of all,
# and no step counters, which PyTorch has had since 0.4.1.
HABITS = {
    "market1501": (False, False, False),
    "cuhk03": (True, False, True),
    "dukemtmcreid": (True, True, False),
    "msmt17": (False, True, True),
}
SIZES = {"resnet50": (64, 32), "densenet121": (64, 32), "hacnn": (160, 64)}
TERMS = {
    "market1501": "filmed at Tsinghua University; for academic research only",
    "cuhk03": "academic research only",
    "dukemtmcreid": "withdrawn by its authors in 2019",
    "msmt17": "academic research only",
}
FORMER = {
    model: {new: old for old, new in pairs}
    for model, pairs in json.loads(
        (golden.DATA / "published_names.json").read_text(encoding="utf-8")
    ).items()
}


def as_published(architecture, weights, data):
    """A model's weights under the names, and with the people, of one published file."""
    dots, module, old = HABITS[data]
    entries = {}
    for name, value in weights.items():
        former = FORMER.get(architecture, {}).get(name, name)
        if dots:
            former = re.sub(r"(\.denselayer\d+\.)(norm|conv)(\d)", r"\1\2.\3", former)
        if name.startswith("classifier"):
            value = value[: IDENTITIES[data]]  # noqa: PLW2901
        if not (old and name.endswith("num_batches_tracked")):
            entries[f"module.{former}" if module else former] = value
    return entries


def features_of(model, size):
    with torch.inference_mode():
        return model(golden.images(2, *size))


@pytest.fixture(scope="module", params=sorted(SIZES))
def filled(request):
    """An architecture, its filled weights for as many people as there are, and its features."""
    model = golden.fill(crosscam.create_model(request.param, num_classes=max(IDENTITIES.values())))
    features = features_of(model.eval(), SIZES[request.param])
    assert not torch.allclose(features[0], features[1])
    return request.param, model.state_dict(), features


@pytest.fixture(scope="module")
def resnet50(tmp_path_factory):
    """A file like `resnet50_xent_dukemtmcreid.pth.tar`, and the features it gives."""
    model = golden.fill(crosscam.create_model("resnet50", num_classes=702)).eval()
    file = tmp_path_factory.mktemp("published") / "resnet50_xent_dukemtmcreid.pth.tar"
    weights = as_published("resnet50", model.state_dict(), "dukemtmcreid")
    yield write_2018(file, weights, rank1=0.777, epoch=60), features_of(model, SIZES["resnet50"])
    file.unlink()


def test_a_file_that_python_2_wrote_is_read_exactly():
    checkpoint = read_checkpoint(golden.DATA / "python2_pytorch04.pth.tar")
    expected = golden.load("python2_pytorch04")
    assert list(checkpoint.weights) == list(expected)
    for name, value in checkpoint.weights.items():
        assert value.dtype == torch.float32
        np.testing.assert_array_equal(value.numpy(), expected[name])
    assert checkpoint.notes == {"rank1": 0.885, "epoch": 59}


def test_the_pickler_writes_what_is_read(tmp_path):
    weights = {"a": torch.tensor([[1.5, -2.0]]), "b": torch.tensor(7), "é" * 150: torch.ones(3)}
    file = write_2018(tmp_path / "w.pth.tar", weights, rank1=0.25, epoch=100_000)
    checkpoint = read_checkpoint(file)
    assert list(checkpoint.weights) == list(weights)
    assert all(torch.equal(checkpoint.weights[name], weights[name]) for name in weights)
    assert checkpoint.notes == {"rank1": 0.25, "epoch": 100_000}


@pytest.mark.parametrize("data", sorted(IDENTITIES))
def test_a_published_checkpoint_gives_its_features_and_says_what_it_is(tmp_path, filled, data):
    architecture, weights, expected = filled
    file = tmp_path / f"{architecture}_xent_{data}.pth.tar"
    write_2018(file, as_published(architecture, weights, data), rank1=0.875, epoch=60)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    model, card = open_model(file)
    file.unlink()

    assert torch.equal(features_of(model, SIZES[architecture]), expected)
    assert not model.training
    assert model.num_classes == IDENTITIES[data]
    assert card.metric == "euclidean"
    preprocess = card.input.to_preprocess()
    assert (preprocess.height, preprocess.width) == model.input_size
    assert model.input_size == ((160, 64) if architecture == "hacnn" else (256, 128))
    assert preprocess.mean == (0.485, 0.456, 0.406)
    assert preprocess.std == (0.229, 0.224, 0.225)

    assert card.architecture == architecture
    assert card.num_classes == card.trained_on.identities == IDENTITIES[data]
    assert card.trained_on.data == data
    assert TERMS[data] in card.trained_on.terms
    assert "None was stated" in card.licence
    assert card.source.startswith(f"{file.name}, SHA-256 {digest}")
    assert card.weights_sha256 == digest
    assert card.scores == {"noted in the file": {"rank1": 0.875, "epoch": 60}}


def test_load_model_tells_the_model_by_the_files_name_or_is_told(tmp_path, resnet50):
    file, expected = resnet50
    assert torch.equal(features_of(crosscam.load_model(file), SIZES["resnet50"]), expected)
    renamed = tmp_path / "my_best.pth.tar"
    renamed.symlink_to(file)
    with pytest.raises(WeightsError, match="does not begin with a model's.*--model"):
        crosscam.load_model(renamed)
    model, card = open_model(renamed, architecture="resnet50")
    assert torch.equal(features_of(model, SIZES["resnet50"]), expected)
    assert model.num_classes == 702
    assert card.trained_on.data == "not known"
    assert card.trained_on.identities is None
    assert card.licence == "not known; ask whoever made the file"


def test_a_file_of_another_model_than_it_is_said_to_be_is_refused(resnet50):
    with pytest.raises(WeightsError, match="is it of another model than densenet121"):
        crosscam.load_model(resnet50[0], architecture="densenet121")


def test_classifiers_for_other_people_are_skipped_and_named(resnet50):
    model = crosscam.create_model("resnet50", num_classes=5)
    before = model.classifier.weight.clone()
    loaded = crosscam.load_weights(model, resnet50[0])
    assert loaded.skipped == loaded.missing == ("classifier.weight", "classifier.bias")
    assert torch.equal(model.classifier.weight, before)
    assert torch.equal(features_of(model.eval(), SIZES["resnet50"]), resnet50[1])


def test_hacnn_skips_both_classifiers(tmp_path):
    trained = crosscam.create_model("hacnn", num_classes=3)
    file = write_2018(tmp_path / "hacnn.pth.tar", trained.state_dict(), rank1=0.5, epoch=1)
    loaded = crosscam.load_weights(crosscam.create_model("hacnn", num_classes=4), file)
    parts = [(layer, part) for layer in ("global", "local") for part in ("weight", "bias")]
    assert loaded.skipped == tuple(f"classifier_{layer}.{part}" for layer, part in parts)


def test_squeezenets_last_layer_is_its_feature_and_is_never_skipped(tmp_path):
    trained = crosscam.create_model("squeezenet", num_classes=3)
    file = write_2018(tmp_path / "squeezenet.pth.tar", trained.state_dict(), rank1=0.5, epoch=1)
    model = crosscam.create_model("squeezenet", num_classes=4)
    with pytest.raises(WeightsError, match=r"other shapes: conv10.weight \(3, 512, 1, 1\)"):
        crosscam.load_weights(model, file)
    assert crosscam.load_model(file).num_classes == 3


def test_convert_writes_a_folder_that_gives_the_same_features(tmp_path, resnet50):
    file, expected = resnet50
    done = command("convert", file, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "702 classes, trained on dukemtmcreid; terms: Pictures of real people" in done.stdout
    folder = tmp_path / file.name.removesuffix(".pth.tar")
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "model.safetensors"]
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert "withdrawn by its authors in 2019" in card["trained_on"]["terms"]
    assert "None was stated" in card["licence"]
    assert card["source"].startswith("resnet50_xent_dukemtmcreid.pth.tar, SHA-256 ")
    model = crosscam.load_model(folder)
    assert model.num_classes == 702
    assert torch.equal(features_of(model, SIZES["resnet50"]), expected)

    (folder / "model.safetensors").unlink()  # it is large


@pytest.fixture(scope="module")
def small():
    """The bytes of a small checkpoint."""
    return old_file({"state_dict": crosscam.create_model("hacnn", num_classes=2).state_dict()})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hacnn_a.pth"], "hacnn_a is there already; give --out the name of a new folder"),
        (["hacnn_b.pth", "--out", "hacnn_a"], "hacnn_a is there already"),
        (["mine.pth"], "the name of mine.pth does not begin with a model's"),
        (["mine.pth", "--model", "nope"], "unknown model 'nope'; known are"),
        (["mine.pth", "--model", "resnet18"], "mine.pth lacks: conv1.weight"),
        (["hacnn_cut.pth"], "hacnn_cut.pth is not a file of weights, or is broken or cut short"),
        (["hacnn_gone.pth"], "no such weight file: hacnn_gone.pth"),
        (["hacnn_a"], "hacnn_a is there already"),
        ([], "Missing argument"),
    ],
)
def test_convert_refuses_in_one_line_and_leaves_nothing(
    capfd, tmp_path, monkeypatch, small, arguments, message
):
    monkeypatch.chdir(tmp_path)
    for name in ("hacnn_a.pth", "hacnn_b.pth", "mine.pth"):
        (tmp_path / name).write_bytes(small)
    (tmp_path / "hacnn_cut.pth").write_bytes(small[: len(small) // 2])
    (tmp_path / "hacnn_a").mkdir()
    before = sorted(tmp_path.rglob("*"))
    assert run(["convert", *arguments]) == 2
    captured = capfd.readouterr()
    assert len(captured.err.splitlines()) == 1
    assert captured.err.startswith("crosscam: error: ")
    assert message in captured.err
    assert captured.out == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_convert_ends_with_exit_2_as_a_process_too(tmp_path, small):
    (tmp_path / "hacnn_cut.pth").write_bytes(small[: len(small) // 2])
    done = command("convert", "hacnn_cut.pth", cwd=tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "crosscam: error: hacnn_cut.pth is not a file of weights" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["hacnn_cut.pth"]


@pytest.fixture
def entry(monkeypatch, tmp_path):
    """Published weights that are nowhere yet, on a machine with an empty cache."""
    monkeypatch.setenv("CROSSCAM_CACHE", str(tmp_path / "cache" / "crosscam"))
    monkeypatch.delenv("CROSSCAM_WEIGHTS", raising=False)
    name = "hacnn-xent-cuhk03"
    served = dataclasses.replace(WEIGHTS[name], url="http://127.0.0.1:1/hacnn.pth.tar")
    monkeypatch.setitem(WEIGHTS, name, served)
    return served


@pytest.fixture(scope="module")
def small_files(tmp_path_factory):
    """Three files like HACNN's, told apart by their number of classes."""
    files = {}
    for classes in (2, 3, 4):
        file = tmp_path_factory.mktemp("files") / f"{classes}.pth.tar"
        weights = crosscam.create_model("hacnn", num_classes=classes).state_dict()
        files[classes] = write_2018(file, weights, rank1=0.5, epoch=1)
    return files


def put(file, folder, name):
    folder.mkdir(parents=True)
    (folder / name).symlink_to(file)


def test_a_name_finds_the_users_folder_then_the_cache_then_the_server(
    tmp_path, monkeypatch, entry, small_files
):
    served = dataclasses.replace(entry, url=small_files[2].as_uri())
    monkeypatch.setitem(WEIGHTS, entry.name, served)
    told = []
    model = crosscam.load_model(entry.name, on_bytes=lambda done, total: told.append((done, total)))
    size = small_files[2].stat().st_size
    assert model.num_classes == 2
    assert told[-1] == (size, size)
    cache = tmp_path / "cache" / "crosscam" / "weights"
    assert [path.name for path in cache.iterdir()] == [entry.file_name]

    monkeypatch.setitem(WEIGHTS, entry.name, entry)  # whose server is gone
    assert crosscam.load_model(entry.name).num_classes == 2
    put(small_files[3], tmp_path / "mine", entry.file_name)
    monkeypatch.setenv("CROSSCAM_WEIGHTS", str(tmp_path / "mine"))
    assert crosscam.load_model(entry.name).num_classes == 3
    monkeypatch.setenv("CROSSCAM_WEIGHTS", str(tmp_path / "elsewhere"))
    assert crosscam.load_model(entry.name).num_classes == 2


def test_a_file_of_that_name_comes_before_all_others(tmp_path, monkeypatch, entry, small_files):
    put(small_files[4], tmp_path / "here", entry.name)
    monkeypatch.chdir(tmp_path / "here")
    assert crosscam.load_model(entry.name).num_classes == 4


def test_what_cannot_be_fetched_says_what_to_do(tmp_path, entry):
    with pytest.raises(WeightsError) as refused:
        crosscam.load_model(entry.name)
    message = str(refused.value)
    assert "\n" not in message
    cache = tmp_path / "cache" / "crosscam" / "weights"
    for part in (
        f"the weights {entry.name} are not on this machine and could not be fetched",
        "refused",
        f"if you have {entry.file_name}, put it into {cache}",
        "name its folder in CROSSCAM_WEIGHTS",
        "give its path instead",
    ):
        assert part in message
    assert [path for path in Path(cache).rglob("*") if path.is_file()] == []


def test_a_fetched_web_page_is_refused_and_not_kept(tmp_path, monkeypatch, entry):
    page = tmp_path / "page.html"
    page.write_text("<!DOCTYPE html><title>Not found</title>", encoding="utf-8")
    monkeypatch.setitem(WEIGHTS, entry.name, dataclasses.replace(entry, url=page.as_uri()))
    with pytest.raises(WeightsError, match="the server sent a web page, not the file"):
        crosscam.load_model(entry.name)
    assert not (tmp_path / "cache" / "crosscam" / "weights" / entry.file_name).exists()


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(WeightsError, match="no such run.*nope; published are densenet121-xent-"):
        crosscam.load_model("nope")
