"""`crosscam zoo list`, `crosscam models`, and `crosscam evaluate` on files that others wrote."""

import json
import re

import golden
import pytest
import torch
from command import crosscam

import crosscam as library


def test_the_zoo_is_listed_with_terms_and_licence(tmp_path):
    done = crosscam("zoo", "list", "--json", tmp_path / "zoo.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for words in (
        "88.5 (71.3)",
        "densenet121-xent-htri",
        "resnet50-xent-market1501",
        "withdrawn by its authors in 2019",
        "the code that made them is MIT",
        "not known",
        "CROSSCAM_WEIGHTS",
    ):
        assert words in done.stdout
    assert re.search(r"hacnn-xent-msmt17 +61.8 \(34.6\) +not known +no", done.stdout)
    content = json.loads((tmp_path / "zoo.json").read_text())
    assert len(content["weights"]) == 12
    assert content["weights"][0]["published"] == {"rank1": 0.885, "mAP": 0.713}


def test_models_are_listed_with_what_they_cost(tmp_path):
    done = crosscam("models", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in library.list_models())
    assert "ibn=none|a|b" in done.stdout
    assert "chosen behind a colon, with commas between: lightres:last_stride=1" in done.stdout
    done = crosscam("models", "squeezenet", "--speed", "--json", "-", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["models"]
    assert row["parameters"] == 1_126_639
    assert row["input"] == [256, 128]
    assert min(row["images_per_second"].values()) > 0
    assert "images a second on" in done.stderr
    unknown = crosscam("models", "resnet51", cwd=tmp_path)
    assert unknown.returncode == 2
    assert "unknown model 'resnet51'; known are densenet121" in unknown.stderr


@pytest.fixture(scope="module")
def copies(tmp_path_factory):
    """A folder with a checkpoint of five people, as `torch.save` writes it today."""
    folder = tmp_path_factory.mktemp("copies")
    model = golden.fill(library.create_model("shufflenet", num_classes=5))
    content = {"state_dict": model.state_dict(), "rank1": 0.8, "epoch": 60}
    torch.save(content, folder / "shufflenet_xent_market1501.pth.tar")
    (folder / "model.pth.tar-60").write_bytes(
        (folder / "shufflenet_xent_market1501.pth.tar").read_bytes()
    )
    return folder


def test_a_checkpoint_is_evaluated_by_its_name_or_with_one(copies, tiny_market):
    data = ("--data", "market1501", "--root", tiny_market, "--json", "-")
    named = crosscam("evaluate", "shufflenet_xent_market1501.pth.tar", *data, cwd=copies)
    assert named.returncode == 0, named.stderr
    told = crosscam("evaluate", "model.pth.tar-60", "--model", "shufflenet", *data, cwd=copies)
    scores = json.loads(named.stdout)["scores"]
    assert json.loads(told.stdout)["scores"] == scores
    model = library.load_model(copies / "shufflenet_xent_market1501.pth.tar")
    dataset = library.load_dataset("market1501", tiny_market)
    assert library.evaluate(model, dataset).mAP == pytest.approx(scores["mAP"], abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model.pth.tar-60"], "does not begin with a model's"),
        (["model.pth.tar-60", "--model", "resnet51"], "unknown model 'resnet51'"),
        (["model.pth.tar-60", "--model", "resnet18"], "is it of another model than resnet18?"),
        (["nope"], "no such run, weight file or published weights: nope; published are"),
        (["nope.pth.tar"], "no such run, weight file or published weights: nope.pth.tar"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_in_one_line(copies, arguments, message):
    done = crosscam("evaluate", *arguments, "--data", "people", cwd=copies)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
