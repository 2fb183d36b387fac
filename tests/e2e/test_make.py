"""What `make` would do, without doing it."""

import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here")


def commands(target, environment):
    """The commands that a target runs where no environment is there yet."""
    done = subprocess.run(
        ["make", "--dry-run", target, f"VENV={environment}"],
        cwd=TOP,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


def installs(target, environment):
    return [line.split("--editable ")[1] for line in commands(target, environment) if "pip" in line]


def test_the_demo_installs_what_it_runs_on_alone(tmp_path):
    assert installs("demo", tmp_path / "none") == ["."]


@pytest.mark.parametrize("target", ["test", "quick"])
def test_development_adds_to_it(tmp_path, target):
    assert installs(target, tmp_path / "none") == [".", "'.[dev]'"]


def test_the_quick_tests_are_those_that_are_not_slow(tmp_path):
    run = [line for line in commands("quick", tmp_path / "none") if "-m pytest" in line]
    assert len(run) == 1
    assert "-m 'not slow'" in run[0]
    run = [line for line in commands("test", tmp_path / "none") if "-m pytest" in line]
    assert len(run) == 1
    assert "slow" not in run[0]
