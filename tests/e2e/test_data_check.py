"""`crosscam data check`, as a user runs it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from command import crosscam, train_arguments
from faulty import write_faulty
from tiny import write_image, write_market

from crosscam import processes
from crosscam.cli.main import run


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    root = tmp_path_factory.mktemp("faulty")
    write_faulty(root)
    return root


def check(root, *arguments):
    return ["data", "check", "market1501", "--root", str(root), *map(str, arguments)]


def test_faults_give_exit_1_and_a_summary_that_fits_a_screen(capfd, faulty, tmp_path):
    assert run(check(faulty, "--jobs", "1", "--page", tmp_path / "page.html")) == 1
    out = capfd.readouterr().out
    assert len(out.splitlines()) <= 32
    assert max(map(len, out.splitlines()[:-1])) <= 80
    assert "58 images opened" in out
    assert "faults: 7; remarks: " in out
    assert "fault   cannot be opened " in out
    words = " ".join(out.split())
    assert "train 7 (751) 29 (12,936) 3 query 8 14 (3,368) 3 gallery 8 15 (15,913) 2" in words
    assert "7 people to train on, published are 751" in words
    assert "<img" in (tmp_path / "page.html").read_text()


def test_no_faults_give_exit_0_and_remarks_are_allowed(capfd, tiny_market):
    assert run(check(tiny_market, "--jobs", "1")) == 0
    assert "faults: 0; remarks: 5" in capfd.readouterr().out
    assert run(["data", "check", "people", "--jobs", "1"]) == 0
    assert "faults: 0; remarks: 0" in capfd.readouterr().out


def test_json_is_the_same_for_one_job_and_two_and_may_go_to_standard_output(capfd, faulty):
    assert run(check(faulty, "--jobs", "1", "--json", "-")) == 1
    one = json.loads(capfd.readouterr().out)
    assert run(check(faulty, "--jobs", "2", "--json", "-")) == 1
    assert json.loads(capfd.readouterr().out) == one
    assert one["faults"] == 7
    assert one["published"]["train_images"] == 12_936
    [corrupt] = [finding for finding in one["findings"] if finding["kind"] == "corrupt"]
    assert corrupt["images"][0]["pid"] == 2
    assert corrupt["splits"] == ["train"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--root", "gone"], "does not exist: gone"),
        ([], "say where it is with --root"),
        (["--root", "market", "--jobs", "0"], "--jobs"),
        (["--root", "market", "--page", "no/x.html"], "--page no/x.html: there is no folder no"),
        (["--root", "market", "--exclude-to", "market"], "that is a folder"),
        (["--root", "market", "--json", "no/x.json"], "there is no folder no"),
        (["--root", "market", "--exclude", "gone.txt"], "cannot read the images to leave out"),
        (["--root", "market", "--pattern", "{pid}.jpg"], "has names of its own"),
    ],
)
def test_bad_input_gives_exit_2_and_one_line(capfd, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    write_market("market", people=2)
    before = sorted(map(str, tmp_path.rglob("*")))
    assert run(["data", "check", "market1501", *arguments]) == 2
    captured = capfd.readouterr()
    assert len(captured.err.splitlines()) == 1
    assert message in captured.err
    assert captured.out == ""
    assert sorted(map(str, tmp_path.rglob("*"))) == before


def test_an_image_is_never_written_over(capfd, tmp_path):
    root = write_market(tmp_path, people=2)
    image = next((root / "query").iterdir())
    before = image.read_bytes()
    for option in ("--page", "--exclude-to", "--json"):
        assert run(check(root, option, root / "query" / ".." / "query" / image.name)) == 2
        assert "is an image of the data set; write to another file" in capfd.readouterr().err
    assert image.read_bytes() == before


def test_odd_names_are_shown_harmlessly(tmp_path):
    root = write_market(tmp_path / "[red]人:smile:\x1b", people=2)
    write_image(root / "query" / "0003_c1s1_000001_00.jpg").write_bytes(b"")
    page = tmp_path / "<b>.html"
    done = crosscam(*check(root, "--jobs", "1", "--page", page), cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert f"page: {page}" in done.stdout
    assert "\x1b" not in done.stdout
    assert "0003_c1s1_000001_00.jpg" in done.stdout


def test_what_is_found_can_be_left_out_of_training_and_evaluation(tmp_path):
    root = write_market(tmp_path / "data")
    train = sorted((root / "bounding_box_train").iterdir())
    train[2].write_bytes(train[2].read_bytes()[:200])
    min((root / "query").iterdir()).write_bytes(b"")
    train[5].write_bytes(train[1].read_bytes())
    done = crosscam(*check(root, "--exclude-to", "list.txt"), cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "images to leave out: 4, listed in list.txt" in done.stdout
    lines = [line for line in (tmp_path / "list.txt").read_text().splitlines() if line]
    assert len(lines) == 9
    assert train[2].name in lines
    clean = crosscam(
        *check(root, "--exclude", "list.txt", "--exclude-to", "list.txt"), cwd=tmp_path
    )
    assert clean.returncode == 0, clean.stdout
    assert "left out: 4 images listed in list.txt" in clean.stdout
    assert (tmp_path / "list.txt").read_text().count("# listed in list.txt") == 4
    overrides = ("schedule.epochs=1", "schedule.milestones=[]")
    arguments = train_arguments(root, "out", *overrides)
    assert crosscam(*arguments, cwd=tmp_path).returncode == 2
    arguments = [*train_arguments(root, "out2", *overrides), "--exclude", "list.txt"]
    done = crosscam(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    card = json.loads((tmp_path / "out2" / "model.json").read_text())
    assert card["trained_on"]["images"] == 24 - 3
    assert "4 images listed in list.txt" in (tmp_path / "out2" / "report.html").read_text()
    evaluate = ["evaluate", "out2", "--data", "market1501", "--root", root, "--json", "-"]
    done = crosscam(*evaluate, "--exclude", "list.txt", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["left_out"] == {"images listed in list.txt": 4}
    assert figures["scores"]["num_queries"] == 11


def test_a_worker_that_the_system_ends_is_an_error_of_ours(capfd, tiny_market, monkeypatch):
    monkeypatch.setattr(processes, "_answer", _die)
    assert run(check(tiny_market, "--jobs", "2")) == 2
    error = capfd.readouterr().err
    assert "crosscam: error: a process that opens images was ended by the system" in error
    assert "Traceback" not in error


def _die(_work, _item):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("to_group", [True, False])
def test_ctrl_c_ends_the_workers_at_once(tmp_path, to_group):
    root = write_market(tmp_path / "data", people=2)
    folder = root / "bounding_box_train"
    script = (
        "import os, sys, time\n"
        "from crosscam.checking import scan\n"
        "from crosscam.cli.main import run\n"
        "def hang(path):\n"
        "    open(os.environ['STARTED'], 'w').close()\n"
        "    time.sleep(600)\n"
        "scan.read_image = hang\n"
        "raise SystemExit(run(sys.argv[1:]))\n"
    )
    for number in range(80):
        write_image(folder / f"0001_c1s1_{number:06}_01.jpg", number)
    started = tmp_path / "started"
    process = subprocess.Popen(
        [sys.executable, "-c", script, *check(root, "--jobs", "2")],
        env={**os.environ, "STARTED": str(started)},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not started.exists():
        assert process.poll() is None
        time.sleep(0.05)
    (os.killpg if to_group else os.kill)(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error == "crosscam: stopped\n"
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
