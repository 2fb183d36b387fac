"""A run's folder is made whole, resumed as it is, and its checkpoint believed only if it is one."""

import pytest
import torch

from crosscam.errors import RunError
from crosscam.recipe import load_recipe
from crosscam.training import run_folder
from crosscam.training.environment import differences
from crosscam.training.run_folder import (
    RunFolder,
    create_run,
    load_checkpoint,
    open_run,
    save_checkpoint,
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
    assert open_run(folder, RECIPE, ENVIRONMENT).path == folder


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


def test_what_makes_a_resumed_run_different_is_said():
    before = {"torch": "2.13", "threads": 2, "python": "3.11"}
    assert differences(before, before) == []
    assert differences(before, {**before, "threads": 4, "python": "3.12"}) == [
        "threads was 2, is 4"
    ]
