"""`crosscam export`: a run in, a checked file out; the page's example of using it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from exporting import small_embedder
from PIL import Image
from tiny import write_coloured

from crosscam.cli.main import run
from crosscam.weights.saved import save_card, save_weights

PAGE = Path(__file__).parents[2] / "docs" / "export.md"


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """A run's folder with an untrained model in it."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    folder.mkdir()
    embedder = small_embedder()
    digest = save_weights(folder, embedder.network.model)
    save_card(folder, embedder.card.model_copy(update={"weights_sha256": digest}))
    return folder


def test_a_run_is_exported_under_its_name_and_used_without_crosscam(
    run_folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert run(["export", str(run_folder), "--json", "done.json"]) == 0
    said = capsys.readouterr().out
    assert "mine.onnx: lightres, ONNX, opset 18, float32" in said
    assert "at batch 1, 2 and 17, cosine distance to the model at most" in said
    done = json.loads((tmp_path / "done.json").read_text())
    assert done["checked"]["same_ranks"] is True
    assert done["checked"]["largest_cosine_distance"] < 1e-5
    assert done["cost"] is None
    assert onnx.load("mine.onnx").producer_name == "crosscam"

    assert run(["export", str(run_folder)]) == 2
    assert "mine.onnx is there already" in capsys.readouterr().err

    [example] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    for name in ("one", "two"):
        Image.new("RGB", (20, 40), (200, 30, len(name))).save(f"{name}.jpg")
    (tmp_path / "example.py").write_text(example.replace("model.onnx", "mine.onnx"))
    done = subprocess.run(
        [sys.executable, "example.py"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) == pytest.approx(1, abs=0.1)


def test_what_another_precision_costs_is_printed(run_folder, tmp_path, capsys):
    root = write_coloured(tmp_path / "market1501", people=6)
    file = tmp_path / "half.onnx"
    data = ["--data", "market1501", "--root", str(root)]
    assert run(["export", str(run_folder), "--out", str(file), "--half", *data]) == 0
    said = capsys.readouterr().out
    assert re.search(r"what float16 costs on market1501: mAP [\d.]+ % before, [\d.]+ % after", said)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "people"], "leave it out"),
        (["--half", "--to", "torch-export"], "of ONNX alone"),
        (["--int8", "nowhere"], "nowhere"),
        (["--out", "nowhere/model.onnx"], "there is no folder"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    run_folder, tmp_path, monkeypatch, capsys, options, message
):
    monkeypatch.chdir(tmp_path)
    assert run(["export", str(run_folder), *options]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
