"""`crosscam embed`: what it prints, writes and exits with."""

import json

import pyarrow.parquet as pq
import pytest
from features import save_tiny, write_crops

from crosscam.cli import embed as module
from crosscam.cli.main import run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder, with a model and seven pictures."""
    monkeypatch.chdir(tmp_path)
    save_tiny(tmp_path / "model")
    write_crops(tmp_path / "crops", 7)
    return tmp_path


def embed(*arguments):
    given = ("crops", "--model", "model", "--out", "f.parquet", "--workers", "0")
    return run(["embed", *given, "--runtime", "torch", *arguments])


def test_what_was_made_is_said_and_written(folder, capfd):
    options = ("--pattern", "{pid}_c{camid}_{time}.jpg", "--dtype", "float16", "--json", "-")
    assert embed(*options) == 0
    printed = capfd.readouterr()
    said = json.loads(printed.out)
    assert said["features"] == 7
    assert (said["feature_dim"], said["dtype"], said["left_out"]) == (256, "float16", [])
    assert said["made"]["precision"] == "float32"
    assert said["images_per_second"] > 0
    assert "7 features of 256 float16 numbers in f.parquet" in printed.err
    assert len(pq.read_table(folder / "f.parquet")) == 7


def test_broken_pictures_are_counted_shown_and_listed(folder, capfd):
    for number in range(7):
        (folder / "crops" / f"9_c1_{number}.jpg").write_bytes(b"broken")
    write_crops(folder / "crops" / "more", 1)
    assert embed() == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "broken image" in printed.err
    assert "--skip-broken" in printed.err
    assert embed("--skip-broken", "--pattern", "{pid}_c*.jpg", "--json", "out.json") == 2
    assert "begun with other pictures" in capfd.readouterr().err
    assert embed("--skip-broken", "--force", "--pattern", "{pid}_c*.jpg", "--json", "o.json") == 0
    printed = capfd.readouterr().out
    assert printed.count("left out: broken image") == 5
    assert "left out: 2 more" in printed
    assert "nothing says who it is: 1" in printed
    said = json.loads((folder / "o.json").read_text())
    assert (said["features"], len(said["left_out"])) == (8, 7)
    assert said["left_out"][0]["path"] == "crops/9_c1_0.jpg"


def test_ctrl_c_says_how_to_go_on(folder, capfd, monkeypatch):
    original = module.ConsoleWatcher.on_images

    def stopping(watcher, what, total):
        original(watcher, what, total)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module.ConsoleWatcher, "on_images", stopping)
        assert embed() == 130
    assert "the same command, without --force, goes on" in capfd.readouterr().err
    assert not (folder / "f.parquet").exists()
    assert embed() == 0
    assert embed() == 2
    assert "is there already" in capfd.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--out", "f.txt"),
        ("--model", "nosuch"),
        ("--device", "cuda:77"),
        ("--batch-size", "0"),
        ("--dtype", "int8"),
        ("--pattern", "{who}.jpg"),
        ("--json", "nowhere/x.json"),
    ],
)
def test_what_is_refused_leaves_nothing(folder, capfd, arguments):
    assert embed(*arguments) == 2
    assert capfd.readouterr().err.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == ["crops", "model"]
