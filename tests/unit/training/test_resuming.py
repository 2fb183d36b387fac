"""A run is gone on with as it is; what may be another is written down, and the rest refused."""

import json
from pathlib import Path

import pytest

from crosscam.data.source import Sources
from crosscam.errors import RunError
from crosscam.recipe import load_recipe
from crosscam.training.resuming import (
    Begun,
    find_changes,
    note_changes,
    read_run,
    read_sources,
)
from crosscam.training.run_folder import RunFolder, create_run, save_checkpoint
from crosscam.types import DataSource

NAME = "mobilenetv2-xent"
EPOCHS = load_recipe(NAME).schedule.epochs
ENVIRONMENT = {
    "torch": "2.13",
    "device": "cpu",
    "threads": 2,
    "memory_format": "contiguous",
    "autocast": "none",
    "initial_weights": "random",
    "data": "people",
    "train_fingerprint": "a",
    "data_fingerprint": "b",
    "test_fingerprint": "c",
    "data_counts": {},
    "left_out": {},
    "notes": [],
    "data_source": {"name": "people"},
    "data_sets": [],
    "with_baseline": True,
}
STATE = {"model": {}, "optimizer": {}, "log_bytes": 7, "best": None}


@pytest.fixture
def began(tmp_path):
    """Makes a run of settings that got to a step, and reads it."""

    def begin(*settings, next_step=(1, 2), **environment):
        create_run(tmp_path / "a", load_recipe(NAME, settings), {**ENVIRONMENT, **environment})
        if next_step is not None:
            save_checkpoint(RunFolder(tmp_path / "a"), {**STATE, "next_step": next_step})
        return read_run(tmp_path / "a")

    return begin


def changed(begun, *settings, **environment):
    return find_changes(begun, load_recipe(NAME, settings), {**ENVIRONMENT, **environment})


@pytest.mark.parametrize(
    ("next_step", "reached", "trained"),
    [(None, (0, 0), False), ((1, 2), (1, 2), False), ((EPOCHS, 0), (EPOCHS, 0), True)],
)
def test_a_run_says_how_far_it_is(began, next_step, reached, trained):
    begun = began(next_step=next_step)
    assert (begun.next_step, begun.is_trained) == (reached, trained)
    assert begun.sources == Sources((DataSource("people"),))
    assert begun.with_baseline


def test_what_is_no_run_or_a_broken_one_is_refused(tmp_path, began):
    with pytest.raises(RunError, match="there is no run to resume"):
        read_run(tmp_path / "a")
    begun = began()
    save_checkpoint(begun.run, {**STATE, "next_step": "no"})
    with pytest.raises(RunError, match=r"broken; remove it"):
        read_run(begun.run.path)
    begun.run.checkpoint.unlink()
    begun.run.recipe.write_text("model = 1")
    with pytest.raises(RunError, match="cannot be resumed"):
        read_run(begun.run.path)


def test_the_machines_part_may_be_another_and_the_rest_not(began):
    begun = began()
    changed(begun, "workers=0", "device=cpu", "compute.threads=1")
    changed(begun, "compute.memory_format=channels_last")
    with pytest.raises(RunError, match=r"another recipe .optimizer.lr was 0.0003, is 0.1"):
        changed(begun, "optimizer.lr=0.1")
    with pytest.raises(RunError, match=r"another recipe .compute.autocast was none, is bf16"):
        changed(begun, "compute.autocast=bf16")


def test_what_was_chosen_is_kept(began):
    begun = began("compute.autocast=auto", threads=3, autocast="bf16")
    assert begun.threads(begun.recipe) == 3
    assert begun.threads(load_recipe(NAME, ["compute.threads=1"])) == 1
    assert begun.autocast(begun.recipe) == "bf16"
    assert begun.autocast(load_recipe(NAME)) == "none"


@pytest.mark.parametrize(
    ("settings", "next_step", "may"),
    [
        ((), (1, 2), True),
        (("selection.keep=best",), (1, 2), False),
        (("selection.keep=best",), (EPOCHS, 0), True),
    ],
)
def test_the_test_may_be_another_if_no_epoch_is_still_chosen_by_it(began, settings, next_step, may):
    begun = began(*settings, next_step=next_step)
    if may:
        found = changed(begun, *settings, "test.flip=true", test_fingerprint="d")
        assert list(found.test) == [
            "test.flip was False, is True",
            "the test images were of fingerprint c, are of d",
        ]
        assert not found.machine
    else:
        with pytest.raises(RunError, match=r"another recipe .test.flip"):
            changed(begun, *settings, "test.flip=true")


def test_other_training_images_are_refused_and_other_test_images_are_not(began):
    begun = began()
    changed(begun, data_fingerprint="z", test_fingerprint="z")
    with pytest.raises(RunError, match=r"other data .people, fingerprint a; now people, z"):
        changed(begun, train_fingerprint="z")


def test_a_run_of_one_fingerprint_is_understood(began):
    begun = began()
    old = {key: ENVIRONMENT[key] for key in ("torch", "device", "threads", "data")}
    old |= {"data_fingerprint": "b", "memory_format": "contiguous", "autocast": "none"}
    older = Begun(begun.run, begun.recipe, old, begun.next_step)
    assert changed(older) == changed(begun)
    assert older.sources == Sources((DataSource("people"),))
    assert not older.with_baseline
    with pytest.raises(RunError, match=r"other data .people, fingerprint b; now people, z"):
        changed(older, data_fingerprint="z")
    elsewhere = Begun(begun.run, begun.recipe, {**old, "data": "folder"}, begun.next_step)
    with pytest.raises(RunError, match="does not say where its data are"):
        _ = elsewhere.sources


def test_what_is_no_run_has_no_data(tmp_path, began):
    assert read_sources(tmp_path) is None
    folder = began().run.path
    for path in (folder, folder / "model.safetensors"):
        assert read_sources(path) == Sources((DataSource("people"),))


def on_disk(begun):
    recipe = load_recipe(begun.run.recipe)
    return recipe, json.loads(begun.run.environment.read_text())


def go_on(begun, *settings, **environment):
    now = {**ENVIRONMENT, **environment}
    recipe = load_recipe(NAME, settings)
    note_changes(begun, recipe, now, find_changes(begun, recipe, now))
    return read_run(begun.run.path)


def test_the_folder_says_what_it_goes_on_with(began):
    begun = began()
    assert go_on(begun) == begun
    again = go_on(begun, "compute.threads=1", "test.flip=true", threads=1)
    recipe, environment = on_disk(begun)
    assert recipe == load_recipe(NAME, ["compute.threads=1", "test.flip=true"])
    assert environment["threads"] == 1
    assert environment["resumed_with"] == [["from epoch 2, step 3 on", "threads was 2, is 1"]]
    assert environment["test_changes"] == [["test.flip was False, is True"]]
    assert go_on(again, "compute.threads=1", "test.flip=true", threads=1) == again


def test_after_training_only_the_test_is_noted(began):
    begun = began(next_step=(EPOCHS, 0))
    go_on(begun, torch="3.0", test_fingerprint="d", data_fingerprint="e")
    _, environment = on_disk(begun)
    assert (environment["torch"], environment["data_fingerprint"]) == ("2.13", "e")
    assert "resumed_with" not in environment
    assert environment["test_changes"] == [
        ["the test images were of fingerprint c, are of d", "torch was 2.13, is 3.0"]
    ]


SEVERAL = [
    {"data": "people", "trained_on": True, "data_source": {"name": "people"}},
    {"data": "folder", "trained_on": False, "data_source": {"name": "folder", "root": "/a"}},
]


def test_a_run_on_several_data_sets_knows_them_all(began):
    begun = began(data_sets=SEVERAL)
    assert begun.sources == Sources((DataSource("people"),), (DataSource("folder", Path("/a")),))
    assert read_sources(begun.run.path) == begun.sources


@pytest.mark.parametrize(
    "data_sets", ["x", [1], SEVERAL[1:], [SEVERAL[0], {**SEVERAL[1], "data_source": None}]]
)
def test_a_run_that_does_not_say_where_one_of_them_is_says_so(began, data_sets):
    with pytest.raises(RunError, match="does not say where its data are"):
        _ = began(data_sets=data_sets).sources
