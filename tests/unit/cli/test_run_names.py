"""Runs that nobody named get folders that every system takes, and no other's."""

import pytest

from crosscam.cli.run_names import latest_run, unused_run
from crosscam.errors import RunError


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_numbers_go_on_after_the_last():
    assert unused_run("demo").name == "demo-1"
    for number in (1, 3):
        unused_run("demo").with_name(f"demo-{number}").mkdir(parents=True)
    assert unused_run("demo").name == "demo-4"
    assert latest_run("demo").name == "demo-3"
    with pytest.raises(RunError, match="no run to resume"):
        latest_run("other")


def test_names_are_those_of_any_system():
    assert unused_run("mine-cuhk03:labeled").name == "mine-cuhk03-labeled-1"
    assert unused_run("aux").name == "_aux-1"


def test_names_that_differ_in_case_are_not_told_apart():
    unused_run("Demo").mkdir(parents=True)
    assert unused_run("demo").name == "demo-2"
