"""`crosscam evaluate` on other runtimes than torch, and of ONNX files, as a user runs it."""

import json

import pytest
from onnx_files import colour_model, write
from tiny import write_market

from crosscam.cli.main import run


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runtimes")
    write_market(folder / "data", people=4)
    write(colour_model(batch=1), folder / "colours.onnx")
    return folder


def evaluate(base, monkeypatch, capfd, model, *options):
    """The exit status, what is printed on both, and the JSON."""
    monkeypatch.chdir(base)
    monkeypatch.setenv("COLUMNS", "200")
    data = ("--data", "market1501", "--root", "data", "--workers", "0", "--json", "scores.json")
    status = run(["evaluate", str(model), *data, *options])
    content = json.loads((base / "scores.json").read_text()) if status == 0 else None
    return status, *capfd.readouterr(), content


def test_a_run_on_another_runtime(base, saved_lightres, monkeypatch, capfd):
    _, _, _, wanted = evaluate(base, monkeypatch, capfd, saved_lightres)
    assert "runtime" not in wanted
    _, out, err, found = evaluate(base, monkeypatch, capfd, saved_lightres, "--runtime", "onnx")
    assert found is not None, err  # converted among settings of its own
    assert "lightres, onnx, float32 on market1501" in out
    assert (found["runtime"], found["precision"]) == ("onnx", "float32")
    assert found["scores"] == wanted["scores"]
    reduced = ("--precision", "bf16")
    _, _, _, found = evaluate(base, monkeypatch, capfd, saved_lightres, *reduced)
    assert (found["runtime"], found["precision"]) == ("torch", "bf16")


def test_a_file_of_others(base, monkeypatch, capfd):
    how = ("--input", "64x32", "--metric", "cosine", "--mean", *"000", "--std", *"111")
    status, out, err, content = evaluate(base, monkeypatch, capfd, "colours.onnx", *how)
    assert status == 0, err
    assert "colours, onnx, float32 on market1501" in out
    assert "colours.onnx takes 1 image at a time" in err
    assert (content["metric"], content["runtime"]) == ("cosine", "onnx")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ((), "--input 64x32"),
        (("--input", "64", "--metric", "cosine"), "HEIGHTxWIDTH"),
        (("--input", "9999x1", "--metric", "cosine"), "HEIGHTxWIDTH"),
        (("--mean", *"000"), "go with --input"),
        (("--input", "64x32", "--std", *"011", "--metric", "cosine"), "above 0"),
        (("--input", "64x32", "--std", "nan", *"11", "--metric", "cosine"), "above 0"),
        (("--input", "64x32", "--metric", "cosine", "--runtime", "torch"), "runs on onnx"),
        (("--input", "64x32", "--metric", "cosine", "--device", "cpu", "--model", "x"), "as it is"),
    ],
)
def test_what_does_not_go_together(base, monkeypatch, capfd, options, word):
    status, _, err, _ = evaluate(base, monkeypatch, capfd, "colours.onnx", *options)
    assert status == 2
    assert word in err
    assert "Traceback" not in err
