"""`crosscam failures`, as a user runs it."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch
from command import crosscam
from tiny import card, write_market, write_people

import crosscam as library
from crosscam.cli.main import run
from crosscam.weights.saved import save_card, save_weights


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A folder with a run whose model was never trained, and with data sets."""
    folder = tmp_path_factory.mktemp("failures")
    torch.manual_seed(0)
    model = library.create_model("mobilenetv2", num_classes=4)
    write_market(folder / "data" / "market1501", people=4, cameras=3)
    write_people(folder / "crops", people=6, each=4)
    trained_on = card(model).trained_on.model_copy(update={"data": "market1501"})
    switched = {"flip": True, "rerank": True, "k1": 3}
    for name, test in (("run", {}), ("switched", switched), ("hostile", {"fl\x1b]0;ip": []})):
        (folder / name).mkdir()
        changes = {"weights_sha256": save_weights(folder / name, model)}
        changes |= {
            "trained_on": trained_on,
            "recipe": {"test": test},
            "architecture": "mobilenetv2",
        }
        save_card(folder / name, card(model, **changes))
    return folder


@pytest.fixture
def here(base, tmp_path, monkeypatch):
    """A copy of it to work in."""
    shutil.copytree(base, tmp_path / "base")
    monkeypatch.chdir(tmp_path / "base")
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "base"


DATA = ("--root", "data", "--workers", "0")


def test_a_run_is_enough_where_its_data_are(here, capfd):
    assert run(["failures", "run", *DATA, "--json", "figures.json"]) == 0
    captured = capfd.readouterr()
    assert "page: run/failures/index.html" in captured.out
    assert "right at rank 1: " in captured.out
    assert "this is a new test: the run is one of market1501 (fingerprint 0)" in captured.err
    figures = json.loads((here / "figures.json").read_text())
    assert sum(figures["kinds"].values()) == figures["scores"]["num_queries"] == 12
    assert (here / figures["page"]).is_file()
    assert set(figures["suspected_labels"]) == {"alike", "apart", "apart_in_camera"}
    assert run(["evaluate", "run", "--data", "market1501", *DATA, "--json", "scores.json"]) == 0
    scores = json.loads((here / "scores.json").read_text())["scores"]
    for name in ("rank1", "rank5", "rank10", "mAP", "mINP"):
        assert figures["scores"][name] == scores[name]


def test_the_test_is_that_of_the_recipe(here, capfd):
    options = ("--out", "page", "--queries", "5", "--json", "-")
    assert run(["failures", "switched", *DATA, *options]) == 0
    captured = capfd.readouterr()
    figures = json.loads(captured.out)
    assert figures["settings"]["flip"] is True
    assert "mobilenetv2 on market1501 (by distance, before re-ranking)" in captured.err
    page = (here / "page" / "index.html").read_text()
    assert "before re-ranking" in page
    assert "Tested with: flip; re-ranked with k1 3" in page
    assert "The worst 5 queries" in page


def test_other_data_and_their_own_way(here, capfd):
    others = ("--data", "folder", "--root", "crops", "--workers", "0")
    assert run(["failures", "run", *others, "--out", "new/page"]) == 0
    assert "these data are folder" in capfd.readouterr().err
    assert (here / "new" / "page" / "index.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope"], "no such run or weight file: nope"),
        (["data"], "no trained model in data: looked for model.json there"),
        (["run"], "--root"),
        (["hostile", *DATA], r"hostile/model.json: no [test] of a recipe: unknown key fl\x1b]0;ip"),
        (["run", "--root", "gone"], "does not exist: gone"),
        (["run", "--root", "crops"], "looked for the folders"),
        (["run", "--data", "nope"], "unknown data set 'nope'"),
        (["run", *DATA, "--out", "crops"], "crops is not empty; give --out"),
        (["run", *DATA, "--out", "data/market1501/query"], "is not empty; give --out"),
        (["run", *DATA, "--out", "run/model.json"], "is not empty; give --out"),
        (["run", *DATA, "--protocol", "single-shot"], "single-shot draws its gallery"),
        (["run", *DATA, "--queries", "0"], "--queries"),
        (["run", *DATA, "--device", "abacus"], "unknown device"),
        (["run", *DATA, "--json", "no/folder.json"], "there is no folder no"),
    ],
)
def test_refusals_leave_nothing(here, capfd, arguments, message):
    before = sorted(here.rglob("*"))
    assert run(["failures", *arguments]) == 2
    captured = capfd.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("crosscam: error: ")
    assert message in lines[0]
    assert captured.out == ""
    assert sorted(here.rglob("*")) == before


def test_a_page_that_is_there_is_kept(here, capfd):
    (here / "run" / "failures").mkdir()  # an empty folder is as good as none
    assert run(["failures", "run", *DATA]) == 0
    page = (here / "run" / "failures" / "index.html").stat()
    assert run(["failures", "run", *DATA]) == 2
    assert "run/failures is not empty" in capfd.readouterr().err
    assert (here / "run" / "failures" / "index.html").stat() == page


def test_ctrl_c_leaves_nothing(here):
    script = (
        "import os, sys, time\n"
        "from crosscam.report import thumbnails\n"
        "from crosscam.cli.main import run\n"
        "real = thumbnails.read_image\n"
        "def slow(path):\n"
        "    open(os.environ['STARTED'], 'w').close()\n"
        "    time.sleep(0.2)\n"
        "    return real(path)\n"
        "thumbnails.read_image = slow\n"
        "raise SystemExit(run(sys.argv[1:]))\n"
    )
    before = sorted(here.rglob("*"))
    started = here.parent / "started"
    with subprocess.Popen(
        [sys.executable, "-c", script, "failures", "run", *DATA],
        env={**os.environ, "STARTED": str(started)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not started.exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.splitlines()[-1] == "crosscam: stopped"
    assert "Traceback" not in error
    assert sorted(here.rglob("*")) == before


def test_help_says_what_it_does(here):
    done = crosscam("failures", "--help", cwd=here)
    assert done.returncode == 0
    assert "what a trained model gets wrong" in done.stdout
