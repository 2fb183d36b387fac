"""Arguments that nobody means, such as numbers of 400 digits, are refused in one line."""

import pytest

from crosscam.cli.main import run

TRAIN = ("train", "mobilenetv2-xent", "--data", "people")
HUGE = ("9" * 400, str(2**70), f"-{2**70}")
NAMES = ("a\0b", "x" * 5000)


def refused(capfd, arguments):
    assert run(list(arguments)) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("crosscam: error: ")
    assert printed.err.count("\n") == 1
    assert "\0" not in printed.err


@pytest.mark.parametrize("number", HUGE, ids=["digits", "large", "negative"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "x", "--expand"),
        ("evaluate", "x", "--rerank", "--k1"),
        ("evaluate", "x", "--batch-size"),
        ("rank", "x", "y", "--augment"),
        ("failures", "x", "--queries"),
        ("calibrate", "x", "--workers"),
        ("zoo", "run", "--dry-run", "--jobs"),
        ("zoo", "run", "--dry-run", "--seeds"),
        ("data", "split", "x", "--out", "x.csv", "--seed"),
        ("data", "check", "people", "--jobs"),
    ],
    ids=lambda arguments: " ".join((*arguments[:2], arguments[-1])),
)
def test_numbers_beyond_all_use(capfd, tmp_path, monkeypatch, arguments, number):
    monkeypatch.chdir(tmp_path)
    refused(capfd, (*arguments, number))


@pytest.mark.parametrize("number", HUGE, ids=["digits", "large", "negative"])
@pytest.mark.parametrize("key", ["seed", "batch.size", "optimizer.lr", "compute.threads"])
def test_settings_beyond_all_use(capfd, tmp_path, monkeypatch, key, number):
    monkeypatch.chdir(tmp_path)
    refused(capfd, (*TRAIN, "--set", f"{key}={number}"))


@pytest.mark.parametrize("name", NAMES, ids=["NUL", "long"])
@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("train",),
        ("train", "mobilenetv2-xent", "--data"),
        ("train", "mobilenetv2-xent", "--data", "market1501", "--root"),
        ("train", "mobilenetv2-xent", "--data", "folder", "--root", ".", "--table"),
        (*TRAIN, "--exclude"),
        (*TRAIN, "--set"),
        (*TRAIN, "--json"),
        ("resume",),
        ("evaluate",),
        ("rank", "x"),
        ("failures",),
        ("calibrate",),
        ("convert",),
        ("push", "x"),
        ("models",),
        ("compare", "x"),
        ("data", "split"),
        ("data", "check"),
        ("zoo", "run", "--dry-run", "--recipes"),
        ("zoo", "table", "--runs"),
    ],
    ids=lambda arguments: " ".join(arguments[:1] + arguments[-1:]) or "a command",
)
def test_names_that_no_file_has(capfd, tmp_path, monkeypatch, arguments, name):
    monkeypatch.chdir(tmp_path)
    refused(capfd, (*arguments, name))
