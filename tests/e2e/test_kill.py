"""Killed at any moment and resumed, a run ends as if nothing had happened."""

import json
import os
import random
import shutil
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from command import crosscam, start, train_arguments

from crosscam.training.run_folder import is_finished

TOOL = Path(__file__).parents[1] / "tools" / "kill_at.py"
MOMENTS = 10
SETTINGS = ("schedule.epochs=5", "schedule.milestones=[2]", "workers=2", "augment.erase=0.5")
EVERYTHING = (
    *("ema.decay=0.9", "ema.keep=both", 'loss=[{name="xent"}, {name="center"}]'),
    *("optimizer.head_lr=3.0", "optimizer.bias_lr=2.0", "optimizer.bias_weight_decay=0.0"),
    *("optimizer.clip_norm=1.0", "schedule.kind=cosine", "schedule.milestones=[]"),
    *("schedule.flat_epochs=2.0", "schedule.floor=1e-6", "schedule.rate_at=epoch-start"),
    *("schedule.warmup_steps=7", "schedule.frozen_steps=5"),
)


def ending(folder):
    """All of a run's end that may not differ: weights, scores and the log without its times."""
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    for line in lines:
        line.pop("time", None)
    card = json.loads((folder / "model.json").read_text())
    return (folder / "model.safetensors").read_bytes(), card, lines


def files(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def whole(tiny_market, tmp_path_factory):
    """An uninterrupted run."""
    folder = tmp_path_factory.mktemp("whole")
    done = crosscam(*train_arguments(tiny_market, folder / "run", *SETTINGS), cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


def resume(arguments, folder):
    """Go on with a killed run; one killed before it was there is started, or its making is."""
    if (folder / "run").exists():
        again = ["resume", folder / "run"]
    else:
        again = [*arguments, "--resume"] if any(folder.iterdir()) else arguments
    done = crosscam(*again, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "not bit-equal" not in done.stderr


def test_kills_at_random_moments_all_end_bit_equal(whole, tiny_market, tmp_path):
    """Killed after random lines of the log, up to the last, and a random time after each."""
    lines = len(ending(whole)[2])
    rng = random.Random(20)
    moments = [(rng.randint(0, lines), rng.random()) for _ in range(MOMENTS)]

    def kill_and_resume(number):
        folder = tmp_path / str(number)
        arguments = train_arguments(tiny_market, folder / "run", *SETTINGS)
        _kill_under_way(arguments, folder, *moments[number])
        reached = files(folder / "run") if (folder / "run").exists() else []
        done = is_finished(folder / "run")
        resume(arguments, folder)
        assert ending(folder / "run") == ending(whole), moments[number]
        assert files(folder / "run") == files(whole)
        assert files(folder) == ["run"]
        return "last.pt" in reached, done

    with ThreadPoolExecutor(max_workers=2) as pool:
        kills = list(pool.map(kill_and_resume, range(MOMENTS)))
    assert any(has_checkpoint and not done for has_checkpoint, done in kills)


def _kill_under_way(arguments, folder, lines, seconds):
    """Kill a run so long after so many lines of its log; one that is done by then is run again."""
    log = folder / "run" / "log.jsonl"
    while True:
        folder.mkdir()
        process = start(*arguments, cwd=folder)
        while not process.is_done() and lines > (
            log.read_text().count("\n") if log.exists() else 0
        ):
            time.sleep(0.01)
        time.sleep(seconds)
        process.send(signal.SIGKILL)
        if process.wait().returncode == -signal.SIGKILL:
            return
        shutil.rmtree(folder)
        seconds /= 2


@pytest.mark.parametrize(
    ("kind", "number"),
    [
        ("replace", 1),  # the recipe, in a folder that is not in its place yet
        ("rename", 1),  # the folder into its place
        ("rename", 2),  # the page of failures into its place in the folder
        ("half-checkpoint", 1),
        ("half-checkpoint", 3),
        ("fsync", 4),  # the second checkpoint, written beside its place
        ("replace", 4),
        ("after-replace", 4),
        ("replace", 8),  # after training: weights, a card, pictures, the page, the card
        ("after-replace", 9),  # between training's end and the test
        ("replace", 13),
        ("after-replace", 13),
    ],
)
def test_kills_in_the_middle_of_a_write(whole, tiny_market, tmp_path, kind, number):
    arguments = train_arguments(tiny_market, tmp_path / "run", *SETTINGS)
    killed = start(kind, number, *arguments, program=TOOL, cwd=tmp_path).wait()
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    leftovers = [path for path in tmp_path.rglob(".*") if "crosscam-tmp" in path.name]
    assert bool(leftovers) == (not kind.startswith("after"))
    resume(arguments, tmp_path)
    assert ending(tmp_path / "run") == ending(whole)
    assert files(tmp_path / "run") == files(whole)
    assert files(tmp_path) == ["run"]


def test_a_kill_while_the_best_epoch_is_looked_for(tiny_market, tmp_path):
    settings = (*SETTINGS, "selection.keep=best", "selection.held_out=0.34")
    whole = train_arguments(tiny_market, tmp_path / "whole", *settings)
    assert crosscam(*whole, cwd=tmp_path).returncode == 0
    arguments = train_arguments(tiny_market, tmp_path / "run", *settings)
    killed = start("replace", 6, *arguments, program=TOOL, cwd=tmp_path).wait()
    assert killed.returncode == -signal.SIGKILL
    resume(arguments, tmp_path)
    assert ending(tmp_path / "run") == ending(tmp_path / "whole")


def test_a_checkpoint_within_an_epoch_is_gone_on_from(whole, tiny_market, tmp_path):
    """With a checkpoint after each step, killed after the second of three steps of epoch two."""
    arguments = train_arguments(tiny_market, tmp_path / "run", *SETTINGS)
    command = ["after-replace", 7, "every-step", *arguments]
    killed = start(*command, program=TOOL, cwd=tmp_path).wait()
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    state = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    assert state["next_step"] == (1, 2)
    resume(arguments, tmp_path)
    assert ending(tmp_path / "run") == ending(whole)


def test_all_that_training_can_keep_is_gone_on_with(tiny_market, tmp_path):
    """Killed within an epoch, a run ends the same with every part of training that has a state."""
    whole = train_arguments(tiny_market, tmp_path / "whole", *SETTINGS, *EVERYTHING)
    assert crosscam(*whole, cwd=tmp_path).returncode == 0
    arguments = train_arguments(tiny_market, tmp_path / "run", *SETTINGS, *EVERYTHING)
    command = ["after-replace", 7, "every-step", *arguments]
    killed = start(*command, program=TOOL, cwd=tmp_path).wait()
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert torch.load(tmp_path / "run" / "last.pt", weights_only=True)["next_step"] == (1, 2)
    resume(arguments, tmp_path)
    assert ending(tmp_path / "run") == ending(tmp_path / "whole")
    beside = Path("unaveraged") / "model.safetensors"
    assert (tmp_path / "run" / beside).read_bytes() == (tmp_path / "whole" / beside).read_bytes()


def test_a_stop_after_training_says_how_to_go_on(whole, tiny_market, tmp_path):
    arguments = train_arguments(tiny_market, tmp_path / "run", *SETTINGS)
    stopped = start("signal-while-testing", 1, *arguments, program=TOOL, cwd=tmp_path).wait()
    assert stopped.returncode == 143
    last = stopped.stderr.strip().splitlines()[-1]
    assert "stopped after training, while testing; the state is saved; go on with" in last
    resume(arguments, tmp_path)
    assert ending(tmp_path / "run") == ending(whole)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_a_stop_writes_a_checkpoint_and_says_how_to_go_on(
    whole, tiny_market, tmp_path, number, status
):
    arguments = train_arguments(tiny_market, tmp_path / "run", *SETTINGS)
    process = start(*arguments, cwd=tmp_path)
    log = tmp_path / "run" / "log.jsonl"
    while not (log.exists() and log.read_text().count("\n") >= 4):
        assert not process.is_done(), process.wait()
        time.sleep(0.02)
    os.killpg(process.pid, number)  # as a terminal does: the workers get it too
    os.killpg(process.pid, number)  # and once more, as schedulers do
    done = process.wait(timeout=60)
    errors = done.stderr
    assert done.returncode == status, errors
    last = errors.strip().splitlines()[-1]
    assert last.startswith("crosscam: stopped in epoch ")
    assert last.endswith(f"; go on with crosscam resume {tmp_path / 'run'}")
    assert "Traceback" not in errors
    assert (tmp_path / "run" / "last.pt").exists()
    assert _processes_of(process.pid) == []
    resume(arguments, tmp_path)
    assert ending(tmp_path / "run") == ending(whole)


def test_workers_end_with_a_killed_process(tiny_market, tmp_path):
    arguments = train_arguments(tiny_market, tmp_path / "run", *SETTINGS, "schedule.epochs=500")
    process = start(*arguments, cwd=tmp_path)
    log = tmp_path / "run" / "log.jsonl"
    while not (log.exists() and log.stat().st_size):
        assert not process.is_done(), process.wait()
        time.sleep(0.02)
    assert len(_processes_of(process.pid)) >= 3
    process.send(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 30
    while _processes_of(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _processes_of(session):
    """The processes of a session, by /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(entry.name))
    return found


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and SIGKILL")
