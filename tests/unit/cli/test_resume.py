"""`crosscam resume` needs a run's folder alone, wherever it is called and wherever data are."""

import json
import shutil

import pytest
from command import train_arguments
from tiny import write_market

from crosscam.cli.main import run


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of few steps, and its data, beside each other."""
    folder = tmp_path_factory.mktemp("finished")
    write_market(folder / "data")
    settings = ("schedule.epochs=1", "schedule.milestones=[]")
    arguments = train_arguments(folder / "data", folder / "run", *settings)
    assert run([*arguments, "--baseline"]) == 0
    return folder


@pytest.fixture
def here(finished, tmp_path, monkeypatch):
    shutil.copytree(finished / "run", tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_is_gone_on_with_by_its_folder_alone(here, finished, capfd):
    assert run(["resume", "run", "--json", "scores.json"]) == 0
    said = capfd.readouterr().err
    assert "mobilenetv2 on market1501, in run" in said
    assert "training is complete, testing on cpu" in said
    content = json.loads((here / "scores.json").read_text())
    assert content["baseline"] is not None
    before = json.loads((finished / "run" / "model.json").read_text())
    assert content["card"] == before


def test_the_test_may_be_another(here):
    assert run(["resume", "run", "--set", "test.flip=true"]) == 0
    card = json.loads((here / "run" / "model.json").read_text())
    assert card["scores"]["market1501"]["settings"]["flip"] is True
    assert card["recipe"]["test"]["flip"] is True
    assert "flip = true" in (here / "run" / "recipe.toml").read_text()


def test_data_that_were_moved_are_found_by_root(here, finished, capfd):
    shutil.copytree(finished / "data", here / "elsewhere")
    environment = json.loads((here / "run" / "environment.json").read_text())
    environment["data_source"]["root"] = str(here / "gone")
    (here / "run" / "environment.json").write_text(json.dumps(environment))
    assert run(["resume", "run"]) == 2
    assert "gone" in capfd.readouterr().err
    assert run(["resume", "run", "--root", "elsewhere"]) == 0
    environment = json.loads((here / "run" / "environment.json").read_text())
    assert environment["data_source"]["root"] == str(here / "elsewhere")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "there is no run to resume in nothing"),
        (["run", "--set", "compute.autocast=bf16"], "compute.autocast was none, is bf16"),
        (["run", "--set", "optimizer.lr=0.1"], "was started with another recipe"),
        (["run", "--set", "test.nothing=1"], "unknown key test.nothing"),
    ],
)
def test_what_cannot_be_is_said(here, capfd, arguments, message):
    assert run(["resume", *arguments]) == 2
    assert message in capfd.readouterr().err
