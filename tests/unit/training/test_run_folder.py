"""A run's folder is made whole, resumed as it is, and its checkpoint believed only if it is one."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from crosscam.errors import RunError
from crosscam.recipe import load_recipe
from crosscam.training import run_folder
from crosscam.training.environment import differences
from crosscam.training.run_folder import (
    RunFolder,
    create_run,
    is_finished,
    load_checkpoint,
    locked,
    refuse_used,
    save_checkpoint,
    tidy,
    was_killed_before_it_began,
)

RECIPE = load_recipe("mobilenetv2-xent")
ENVIRONMENT = {"data": "people", "data_fingerprint": "0"}
STATE = {"model": {}, "optimizer": {}, "next_step": (1, 0), "log_bytes": 7, "best": None}


@pytest.mark.parametrize("there", [False, True])
def test_a_run_is_made_in_a_new_or_an_empty_folder(tmp_path, there):
    folder = tmp_path / "runs" / "a"
    if there:
        folder.mkdir(parents=True)
    create_run(folder, RECIPE, ENVIRONMENT)
    assert sorted(p.name for p in folder.iterdir()) == ["environment.json", "recipe.toml"]
    assert [p.name for p in folder.parent.iterdir()] == ["a"]


@pytest.mark.slow
def test_only_one_process_can_train_a_run(tmp_path):
    create_run(tmp_path / "a", RECIPE, ENVIRONMENT)
    run = RunFolder(tmp_path / "a")
    script = (
        "import sys; from pathlib import Path;"
        "from crosscam.training.run_folder import RunFolder, locked;"
        "run = RunFolder(Path(sys.argv[1]));"
        "locked(run).__enter__()"
    )
    command = [sys.executable, "-c", script, str(run.path)]
    with locked(run):
        other = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "is being trained by another process" in other.stderr
    assert subprocess.run(command, check=False).returncode == 0


def test_the_current_folder_is_no_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="the current folder cannot be a run's"):
        refuse_used(Path())


def test_leftovers_of_this_run_alone_are_removed(tmp_path):
    names = [".a.12.crosscam-tmp", ".a.2.7.crosscam-tmp", ".a1.7.crosscam-tmp", ".a.x.crosscam-tmp"]
    for name in names:
        (tmp_path / name).mkdir()
    assert was_killed_before_it_began(tmp_path / "a")
    assert not was_killed_before_it_began(tmp_path / "b")
    create_run(tmp_path / "a", RECIPE, ENVIRONMENT)
    tidy(RunFolder(tmp_path / "a"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names[1:], "a"])
    assert not was_killed_before_it_began(tmp_path / "a")


@pytest.mark.parametrize(
    ("card", "finished"),
    [
        (None, False),
        ("{}", True),  # of a version that wrote it last
        ('{"test_pending": false}', True),
        ('{"test_pending": true}', False),
        ("[]", False),
        ("{", False),
        ("[" * 100_000, False),
    ],
)
def test_a_run_is_finished_by_what_its_card_says(tmp_path, card, finished):
    if card is not None:
        (tmp_path / "model.json").write_text(card)
    assert is_finished(tmp_path) is finished


def test_a_failure_while_making_it_leaves_nothing(tmp_path, monkeypatch):
    def fail(path, text):
        raise OSError("no space")

    monkeypatch.setattr(run_folder, "write_text", fail)
    with pytest.raises(OSError, match="no space"):
        create_run(tmp_path / "a", RECIPE, ENVIRONMENT)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_comes_back_and_one_that_is_none_is_refused(tmp_path):
    run = RunFolder(tmp_path)
    assert load_checkpoint(run) is None
    save_checkpoint(run, STATE)
    assert load_checkpoint(run) == STATE
    torch.save({**STATE, "more": 1}, run.checkpoint)
    with pytest.raises(RunError, match="no checkpoint of crosscam"):
        load_checkpoint(run)


def test_a_checkpoint_with_a_flipped_bit_is_refused(tmp_path):
    run = RunFolder(tmp_path)
    weights = {"weight": torch.arange(4096.0)}
    save_checkpoint(run, {**STATE, "model": weights})
    content = bytearray(run.checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    run.checkpoint.write_bytes(content)
    with pytest.raises(RunError, match="is broken"):
        load_checkpoint(run)


def test_what_makes_a_resumed_run_different_is_said():
    before = {"torch": "2.13", "threads": 2, "python": "3.11"}
    assert differences(before, before) == []
    assert differences(before, {**before, "threads": 4, "python": "3.12"}) == [
        "threads was 2, is 4"
    ]
