"""The README's Python lines are run, and what it names is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import card

import crosscam
from crosscam.models.saved import save_card, save_weights

TOP = Path(__file__).parents[2]
README = (TOP / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def folder_with_a_demo_run(tmp_path_factory):
    """A working folder whose `runs/demo` holds a model."""
    folder = tmp_path_factory.mktemp("readme")
    run = folder / "runs" / "demo"
    run.mkdir(parents=True)
    model = crosscam.create_model("resnet18", num_classes=4)
    save_card(run, card(model, weights_sha256=save_weights(run, model)))
    return folder


@pytest.mark.parametrize("code", BLOCKS)
def test_python_lines_run(code, folder_with_a_demo_run):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder_with_a_demo_run,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"cosine similarity: -?[01]\.\d+|Rank-1 \d", done.stdout)


def test_there_are_ten_lines_that_compare_two_crops():
    assert len(BLOCKS) == 2
    lines = [line for line in BLOCKS[0].splitlines() if line]
    assert len(lines) <= 10


def test_recipes_and_links_are_there():
    for name in crosscam.list_recipes():
        assert f"| `{name}` |" in README
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert target.startswith("https://") or (TOP / target).exists(), target
