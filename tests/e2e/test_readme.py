"""The Python lines of the README and of other pages are run, and what it names is there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tiny import card

import crosscam
from crosscam.evaluation.record import RECORD_FILE, record_test, write_record
from crosscam.weights.saved import save_card, save_weights

TOP = Path(__file__).parents[2]
README = (TOP / "README.md").read_text(encoding="utf-8")
PAGES = {
    page: re.findall(r"```python\n(.*?)```", (TOP / page).read_text(encoding="utf-8"), re.DOTALL)
    for page in ("README.md", "docs/decisions.md", "docs/evaluation.md", "docs/embedding.md")
}
BLOCKS = PAGES["README.md"]
PRINTED = r"probability [01]\.\d+|Rank-1 \d|EER \d|^flip; "


@pytest.fixture(scope="module")
def folder_with_a_demo_run(tmp_path_factory):
    """A working folder whose `runs/demo` holds a model as a run leaves it, but for its training."""
    folder = tmp_path_factory.mktemp("readme")
    run = folder / "runs" / "demo"
    run.mkdir(parents=True)
    torch.manual_seed(0)
    model = crosscam.create_model("lightres", num_classes=4)
    digest = save_weights(run, model)
    save_card(run, card(model, architecture="lightres", weights_sha256=digest))
    people = crosscam.load_dataset("people")
    embedder = crosscam.calibrate(crosscam.load_embedder(run, runtime="torch"), people)
    assert embedder.card is not None
    save_card(run, embedder.card)
    scores = crosscam.evaluate(embedder, people)
    settings = crosscam.EvaluationSettings().resolve(people)
    record = record_test(scores, people, embedder, settings=settings)
    write_record(run / RECORD_FILE, record)
    return folder


@pytest.mark.parametrize("code", [block for blocks in PAGES.values() for block in blocks])
def test_python_lines_run(code, folder_with_a_demo_run):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder_with_a_demo_run,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(PRINTED, done.stdout), done.stdout


def test_there_are_ten_lines_that_compare_two_crops():
    assert len(BLOCKS) == 2
    lines = [line for line in BLOCKS[0].splitlines() if line]
    assert len(lines) <= 10


def test_recipes_and_links_are_there():
    for name in crosscam.list_recipes():
        assert f"| `{name}` |" in README
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert target.startswith("https://") or (TOP / target).exists(), target
