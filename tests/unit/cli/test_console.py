"""What comes from files is harmless on every console that commands print to."""

import os
import subprocess
import sys

import pytest
from rich.table import Table
from tiny import card, write_market, write_people

import crosscam
from crosscam.cli.console import Screen
from crosscam.cli.main import run
from crosscam.cli.watching import ConsoleWatcher
from crosscam.training.batches import Step
from crosscam.training.loop import StepRecord
from crosscam.weights.saved import save_card, save_weights

ESCAPE = "\x1b]0;title\x07\x1b[31m\u202e"
HARMLESS = "\\x1b]0;title\\x07\\x1b[31m\\u202e"


@pytest.mark.parametrize("in_table", [False, True])
def test_a_screen_shows_control_marks_as_escapes(capsys, in_table):
    shown = Table(box=None) if in_table else ESCAPE
    if in_table:
        shown.add_column("name")
        shown.add_row(ESCAPE)
    Screen(stderr=False).print(shown)
    printed = capsys.readouterr().out
    assert HARMLESS in printed
    assert "\x1b" not in printed


def test_notes_and_titles_of_a_watcher_are_harmless(capsys):
    watcher = ConsoleWatcher([f"title {ESCAPE}"])
    watcher.on_note(f"note {ESCAPE}")
    watcher.on_start("words")
    printed = capsys.readouterr().err
    assert printed.count(HARMLESS) == 2
    assert "\x1b" not in printed


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", ESCAPE, "--data", "people"],
        ["evaluate", ESCAPE],
        ["data", "check", "market1501", "--root", ESCAPE],
        [ESCAPE],
    ],
)
def test_errors_are_one_harmless_line(capsys, arguments):
    assert run(arguments) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "\x1b" not in printed
    assert "\\x1b" in printed


def test_a_card_of_others_and_a_list_to_leave_out_are_shown_harmlessly(tmp_path, capsys):
    root = write_market(tmp_path / "market", people=2)
    model = crosscam.create_model("mobilenetv2", num_classes=2)
    own = {"architecture": "mobilenetv2", "licence": ESCAPE, "source": f"from {ESCAPE}"}
    saved = card(model, weights_sha256=save_weights(tmp_path, model), **own)
    terms = saved.trained_on.model_copy(update={"terms": ESCAPE})
    save_card(tmp_path, saved.model_copy(update={"trained_on": terms}))
    data = ["--data", "market1501", "--root", str(root)]
    assert run(["evaluate", str(tmp_path), *data, "--workers", "0"]) == 0
    printed = capsys.readouterr()
    assert printed.err.count(HARMLESS) == 3
    assert "\x1b" not in printed.out + printed.err

    (tmp_path / "list.txt").write_text(f"{ESCAPE}.jpg\n", encoding="utf-8")
    asked = ["data", "check", *data[1:], "--exclude", str(tmp_path / "list.txt")]
    assert run(asked) == 2
    printed = capsys.readouterr().err
    assert "\\x1b" in printed
    assert "\x1b" not in printed
    assert printed.count("\n") == 1


def test_a_split_of_folders_with_marks_is_said_harmlessly(tmp_path, capsys):
    write_people(tmp_path / "own", names=ESCAPE.replace("/", "") + "{person}/{shot}.jpg")
    assert run(["data", "split", str(tmp_path / "own"), "--out", str(tmp_path / "a.csv")]) == 0
    printed = capsys.readouterr()
    assert "\x1b" not in printed.out + printed.err


def test_a_console_that_cannot_show_a_name_shows_its_escapes(tmp_path):
    root = write_people(tmp_path / "\u5f200\u00e9", people=4)
    done = subprocess.run(
        [sys.executable, "-m", "crosscam", "data", "split", root.name, "--out", "split.csv"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"\\u5f200\xe9" in done.stdout


def test_a_speed_is_said_once_it_is_known(capsys):
    watcher = ConsoleWatcher()
    for epoch in (0, 1):
        watcher.on_step(StepRecord(Step(epoch, 0, 1), 2, {"xent": 1.0}, 0.1, 8))
    first, second = capsys.readouterr().err.splitlines()
    assert first == "epoch 1/2: loss 1.000"
    assert "images/s, 0:00 left" in second
