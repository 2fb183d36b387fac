"""Bad input ends with exit 2, one clear line, no traceback, and nothing left behind."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest
import torch
from command import crosscam, train_arguments
from tiny import TINY, write_market

import crosscam as library
from crosscam import processes
from crosscam.cli.main import run
from crosscam.weights.saved import save_weights

SETTINGS = [part for override in TINY for part in ("--set", override)]
TRAIN = ["train", "mobilenetv2-xent", "--data", "people", *SETTINGS, "--out", "out"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(capfd, here, arguments, message):
    """Run the command in this process; it must refuse, and leave the folder as it was."""
    before = sorted(str(path) for path in here.rglob("*"))
    assert run([str(argument) for argument in arguments]) == 2
    captured = capfd.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("crosscam: error: ")
    assert message in lines[0]
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert sorted(str(path) for path in here.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "nope", "--data", "people"], "unknown recipe 'nope'; known are"),
        (["train", "nope.toml", "--data", "people"], "cannot read the recipe nope.toml"),
        (["train", "resnet18-xent-htri", "--data", "nope"], "unknown data set 'nope'; known are"),
        (["train", "resnet18-xent-htri"], "--data"),
        (["train", "resnet18-xent-htri", "--data", "people:x"], "no variant 'x'"),
        (["train", "resnet18-xent-htri", "--data", "market1501"], "--root"),
        ([*TRAIN, "--root", "."], "is built in; leave --root out"),
        ([*TRAIN, "--set", "nope=1"], "unknown key nope"),
        ([*TRAIN, "--set", "batch.size=x"], "batch.size"),
        ([*TRAIN, "--set", "batch.size=0"], "batch.size"),
        ([*TRAIN, "--set", "optimizer.lr=nan"], "optimizer.lr"),
        ([*TRAIN, "--set", "batch.size=100000"], "do not fill one batch"),
        ([*TRAIN, "--set", "input.height=4"], "takes images of at least"),
        ([*TRAIN, "--set", "model=nope"], "unknown model 'nope'"),
        ([*TRAIN, "--set", "weights=nope.pth"], "no such weight file: nope.pth"),
        ([*TRAIN, "--set", "weights=imagenet"], "no ImageNet weights for mobilenetv2"),
        ([*TRAIN, "--set", "device=cuda:63"], "there is no cuda:63 here"),
        ([*TRAIN, "--set", "device=abacus"], "unknown device 'abacus'"),
        (
            [*TRAIN, "--set", "selection.keep=best", "--set", "selection.held_out=0.001"],
            "holding out",
        ),
        ([*TRAIN, "--resume"], "there is no run to resume in out"),
        (["train", "resnet18-xent-htri", "--data", "people", "--resume"], "no run to resume"),
        (["demo", "--resume"], "there is no run to resume"),
        ([*TRAIN, "--json", "no/folder/x.json"], "there is no folder no/folder"),
        ([*TRAIN, "--nope"], "No such option: --nope"),
        (["nope"], "No such command 'nope'"),
        (
            ["evaluate", "nope", "--data", "people"],
            "no such run, weight file or published weights: nope",
        ),
        (["evaluate", ".", "--data", "people"], "looked for model.json there"),
        (["evaluate", ".", "--data", "people", "--workers", "-1"], "--workers"),
        ([*TRAIN[:-1], "."], "the current folder cannot be a run's"),
        ([*TRAIN[:-1], ""], "the current folder cannot be a run's"),
        ([*TRAIN, "--json", "."], "that is a folder"),
        (["train", "resnet18-xent-htri", "--data", "market1501", "--root", "~nobody0/x"], "root"),
    ],
)
def test_arguments(capfd, here, arguments, message):
    refused(capfd, here, arguments, message)


def test_roots(capfd, here):
    market = ["train", "mobilenetv2-xent", "--data", "market1501", "--out", "out"]
    refused(capfd, here, [*market, "--root", "gone"], "does not exist: gone")
    refused(capfd, here, [*market, "--root", "."], "looked for the folders")
    write_market("half")
    shutil.rmtree("half/query")
    refused(capfd, here, [*market, "--root", "half"], "lacks query")


def test_a_folder_that_is_not_empty(capfd, here):
    (here / "out").mkdir()
    (here / "out" / "mine").write_text("precious")
    refused(capfd, here, TRAIN, "out is not empty")
    refused(capfd, here, [*TRAIN, "--resume"], "there is no run to resume in out")
    (here / "file").touch()
    refused(capfd, here, [*TRAIN[:-1], "file"], "file is not empty")


def test_checkpoints_that_are_none(capfd, here):
    (here / "text.pth.tar").write_bytes(b"hello")
    unnamed = "does not begin with a model"
    refused(capfd, here, ["evaluate", "text.pth.tar", "--data", "people"], unnamed)
    (here / "model.safetensors").write_bytes(b"\0" * 64)
    arguments = ["evaluate", "model.safetensors", "--data", "people"]
    refused(capfd, here, arguments, "looked for model.json there")
    torch.save({"a": 1}, here / "mine.pt")
    refused(capfd, here, ["evaluate", "mine.pt", "--data", "people"], unnamed)


@pytest.fixture(scope="module")
def finished(tiny_market, tmp_path_factory):
    """A finished run and the arguments that made it."""
    folder = tmp_path_factory.mktemp("finished")
    arguments = train_arguments(tiny_market, "out", "schedule.epochs=1", "schedule.milestones=[]")
    assert crosscam(*arguments, cwd=folder).returncode == 0
    return folder, arguments


def test_runs_that_cannot_be_resumed(capfd, here, finished):
    folder, arguments = finished
    shutil.copytree(folder / "out", here / "out")
    resume = [*arguments, "--resume"]
    refused(capfd, here, [*resume, "--set", "seed=2"], "another recipe (seed was 1, is 2)")
    other = write_market(here.parent / f"{here.name}-other", people=5)
    changed = [
        str(other) if i and arguments[i - 1] == "--root" else a for i, a in enumerate(resume)
    ]
    refused(capfd, here, changed, "was started on other data (market1501, fingerprint")
    for content in (b"hello", b""):
        (here / "out" / "last.pt").write_bytes(content)
        refused(capfd, here, resume, "last.pt is broken, or no checkpoint of crosscam")
    foreign = {"model": {}, "optimizer": {}, "next_step": (0, 0), "log_bytes": 0, "best": None}
    torch.save(foreign, here / "out" / "last.pt")
    assert run(resume) == 2
    assert "last.pt is not of this run" in capfd.readouterr().err.splitlines()[-1]
    torch.save({"a": 1}, here / "out" / "last.pt")
    refused(capfd, here, resume, "last.pt is broken, or no checkpoint of crosscam")
    (here / "out" / "environment.json").write_text("[")
    refused(capfd, here, resume, "environment.json cannot be read")
    (here / "out" / "recipe.toml").write_text("[")
    refused(capfd, here, resume, "out cannot be resumed")


def test_a_model_that_is_not_its_cards(capfd, here, finished):
    folder, _ = finished
    shutil.copytree(folder / "out", here / "out")
    save_weights(here / "out", library.create_model("mobilenetv2", num_classes=6))
    refused(capfd, here, ["evaluate", "out", "--data", "people"], "is not the file that model.json")


def test_a_full_disk(here, tiny_market):
    """A limit on file sizes stands for it: the checkpoint does not fit, the small files do."""
    arguments = train_arguments(tiny_market, "out")
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))"
    script = f"{limited}; from crosscam.cli.main import run; raise SystemExit(run({arguments!r}))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=here, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("crosscam: error: ")
    assert "last.pt" in last
    assert "is the disk full" in last
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in (here / "out").iterdir()) == [
        "environment.json",
        "log.jsonl",
        "recipe.toml",
    ]
    assert crosscam(*arguments, "--resume", cwd=here).returncode == 0


def test_odd_names_are_names(here, tiny_market):
    """Brackets are no markup, and the figures may go into the run's own folder, or a pipe."""
    folder = "runs[/red]/a[1]"
    arguments = train_arguments(tiny_market, folder, "schedule.epochs=1", "schedule.milestones=[]")
    done = crosscam(*arguments, "--json", f"{folder}/scores.json", cwd=here)
    assert done.returncode == 0, done.stderr
    assert f"report: {folder}/report.html" in done.stdout
    assert (here / folder / "scores.json").is_file()
    evaluate = ["evaluate", folder, "--data", "market1501", "--root", tiny_market]
    done = crosscam(*evaluate, "--json", "/dev/stdout", cwd=here)
    assert done.returncode == 0, done.stderr
    assert '"rank1"' in done.stdout


@pytest.mark.parametrize("dies", ["at once", "in the middle"])
def test_a_dead_worker_is_an_error_of_ours(capfd, here, tiny_market, monkeypatch, dies):
    answer = processes._answer

    def die(work, draws):
        if dies == "at once" or draws[0].epoch == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer(work, draws)

    monkeypatch.setattr(processes, "_answer", die)
    arguments = train_arguments(tiny_market, "out", "workers=2", "schedule.epochs=4")
    assert run(arguments) == 2
    error = capfd.readouterr().err
    assert "error: a process that loads images was ended by the system (signal 9)" in error
    assert "Traceback" not in error
    assert (here / "out" / "last.pt").exists() == (dies == "in the middle")


def test_a_log_that_was_lost_is_done_without(here, finished):
    folder, arguments = finished
    shutil.copytree(folder / "out", here / "out")
    (here / "out" / "log.jsonl").unlink()
    done = crosscam(*arguments, "--resume", cwd=here)
    assert done.returncode == 0, done.stderr
    assert "The log of training is gone" in (here / "out" / "report.html").read_text()


def test_another_machine_is_noted_and_recorded(here, finished):
    folder, arguments = finished
    shutil.copytree(folder / "out", here / "out")
    done = crosscam(*arguments, "--resume", "--set", "compute.threads=2", cwd=here)
    assert done.returncode == 0, done.stderr
    note = "threads was 1, is 2"
    assert f"tested otherwise than trained: {note}" in done.stderr
    environment = json.loads((here / "out" / "environment.json").read_text())
    assert environment["test_changes"] == [[note]]
    assert note in (here / "out" / "report.html").read_text()


def test_broken_images_are_named(capfd, here):
    root = write_market(here / "data")
    broken = sorted((root / "bounding_box_train").iterdir())[3]
    broken.write_bytes(broken.read_bytes()[:100])
    arguments = train_arguments(root, here / "out", "workers=2")
    assert run(arguments) == 2
    captured = capfd.readouterr()
    assert f"crosscam: error: broken image {broken}" in captured.err
    assert "Traceback" not in captured.err


def test_a_loss_that_is_no_number_ends_training(capfd, here, tiny_market):
    steep = ("optimizer.name=sgd", "optimizer.lr=1e6", "schedule.milestones=[]")
    assert run(train_arguments(tiny_market, here / "out", *steep, "schedule.epochs=20")) == 2
    assert re.search("training has diverged; .*lower optimizer.lr", capfd.readouterr().err)
