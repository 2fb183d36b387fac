"""Own pictures from a folder to a report, by the commands."""

import json
from pathlib import Path

import pytest
from command import crosscam
from tiny import TINY, write_image, write_people

import crosscam as library
from crosscam.cli.main import run

SETTINGS = [
    part
    for override in (*TINY, "schedule.epochs=1", "schedule.milestones=[]")
    for part in ("--set", override)
]
NO_CAMERAS = "Cameras are not known, so nothing was left out for its camera."


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working folder with own pictures, one folder a person, in `crops`."""
    monkeypatch.chdir(tmp_path)
    write_people(tmp_path / "crops", people=6, each=4)
    return tmp_path


def train(*options):
    return ["train", "mobilenetv2-xent", "--data", "folder", "--root", "crops", *options, *SETTINGS]


def test_from_a_folder_to_a_report(here, capfd):
    done = crosscam(*train("--out", "run"), cwd=here)
    assert done.returncode == 0, done.stderr
    assert "note: nothing says how these pictures are split" in done.stderr
    report = (here / "run" / "report.html").read_text()
    assert NO_CAMERAS in report
    assert "own camera" not in report
    assert "Note: nothing says how these pictures are split" in report
    evaluate = ["evaluate", "run", "--data", "folder", "--root", "crops", "--workers", "0"]
    done = crosscam(*evaluate, "--json", "scores.json", cwd=here)
    assert done.returncode == 0, done.stderr
    scores = json.loads((here / "scores.json").read_text())["scores"]
    assert scores["num_queries"] == scores["num_valid_queries"] == 3
    write_people(here / "copied" / "query", people=2, each=1)
    write_people(here / "copied" / "gallery", people=2, each=2)
    evaluate[5] = "copied"
    assert run([*evaluate, "--json", "scores.json"]) == 0
    said = "2 of 2 queries are copies of gallery images, byte for byte, so each finds itself"
    assert f"folder: {said}" in capfd.readouterr().err
    notes = json.loads((here / "scores.json").read_text())["notes"]
    assert [note.startswith(said) for note in notes] == [True]


def tutorial():
    """The commands that the page of own pictures begins with."""
    page = (Path(__file__).parents[2] / "docs" / "own-pictures.md").read_text(encoding="utf-8")
    block = page.partition("\n    crosscam ")[2].partition("\n\n")[0]
    return [line.strip().removeprefix("crosscam ").split() for line in block.splitlines()]


def test_the_tutorial_holds_with_broken_files(here, capfd):
    (here / "crops/1/000.jpg").write_bytes((here / "crops/1/000.jpg").read_bytes()[:300])
    (here / "crops/2/001.jpg").write_bytes(b"")
    (here / "crops/3/002.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n")
    (here / "crops/4/a.heic").touch()
    statuses = []
    for command in tutorial():
        settings = SETTINGS if command[0] == "train" else []
        small = ["--set", "batch.identities=2"] if command[0] == "train" else []
        workers = ["--workers", "0"] if command[0] == "evaluate" else []
        statuses.append(run([*command, *settings, *small, *workers]))
    captured = capfd.readouterr()
    assert statuses == [1, 0, 0, 0], captured.err
    listed = (here / "bad.txt").read_text().splitlines()
    assert [line for line in listed if line and not line.startswith("#")] == [
        "1/000.jpg",
        "3/002.jpg",
        "2/001.jpg",
    ]
    assert "images of kinds that are not read are left out: 1 .heic" in captured.out
    assert (here / "runs" / "mine" / "report.html").is_file()
    assert "faults: 3" in captured.out


def test_with_a_table_and_without_some_images(here):
    done = crosscam("data", "split", "crops", "--seed", "4", "--out", "t.csv", cwd=here)
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()[:4]] == [
        ["split", "people", "images", "cameras"],
        ["train", "3", "12", "0"],
        ["query", "3", "3", "0"],
        ["gallery", "3", "9", "0"],
    ]
    assert "--data folder --root crops --table t.csv" in done.stdout
    lines = (here / "t.csv").read_text().splitlines()
    left_out = [line.split(",")[0] for line in lines if line.endswith("gallery")][:2]
    (here / "bad.txt").write_text("# broken\n" + "\n".join(left_out))
    options = ["--table", "t.csv", "--exclude", "bad.txt", "--out", "run", "--json", "-"]
    done = crosscam(*train(*options), cwd=here)
    assert done.returncode == 0, done.stderr
    environment = json.loads((here / "run" / "environment.json").read_text())
    assert environment["data_counts"] == {
        "train_identities": 3,
        "train": 12,
        "query": 3,
        "gallery": 7,
    }
    assert json.loads(done.stdout)["scores"]["num_queries"] == 3
    report = (here / "run" / "report.html").read_text()
    assert NO_CAMERAS in report
    assert "2 images listed in bad.txt" in report
    assert "nothing says" not in report


def test_the_split_is_written_for_programs_too(here, capfd):
    for name in ("ann/1.jpg", "ann/2.jpg", "-1/1.jpg", "x.jpg"):
        write_image(here / "crops" / name)
    split = ["data", "split", "crops", "--train", "0", "--out", "t.csv", "--json", "-"]
    assert run(split) == 0
    captured = capfd.readouterr()
    content = json.loads(captured.out)
    assert content["splits"]["train"] == {"people": 0, "images": 0, "cameras": 0}
    assert content["splits"]["query"] == {"people": 7, "images": 7, "cameras": 0}
    assert content["people"]["ann"] == 7
    assert content["cameras"] == {}
    assert content["left_out"] == {
        "images that do not match {pid}/*": 1,
        "junk images (pid -1)": 1,
    }
    assert content["table"] == "t.csv"
    assert "left out: 1 junk images (pid -1)" in captured.err
    dataset = library.load_dataset("folder", "crops", table="t.csv")
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (0, 7, 19)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone", "--out", "t.csv"], "the root of folder does not exist: gone"),
        (["crops"], "--out"),
        (["crops", "--out", "mine.csv"], "mine.csv is there already; replace it with --force"),
        (["crops", "--out", "no/t.csv"], "there is no folder no; make it first"),
        (["crops", "--out", "crops", "--force"], "that is a folder"),
        (["crops", "--out", "t.csv", "--train", "2"], "from 0 to 1, not 2.0"),
        (["crops", "--out", "t.csv", "--train", "nan"], "from 0 to 1, not nan"),
        (["crops", "--out", "t.csv", "--train", "0.05"], "each needs 2"),
        (["crops", "--out", "t.csv", "--seed", "-1"], "--seed"),
        (
            ["crops", "--out", "t.csv", "--pattern", "{pid}.jpg"],
            "none of the 24 images below crops",
        ),
        (["crops", "--out", "t.csv", "--table", "split.csv"], "split.csv is split already"),
        (["split", "--out", "t.csv"], "split is split already; train on it as it is"),
        (
            [".", "--out", "no.csv", "--table", "labels/t.csv"],
            "labels/t.csv, line 2: no such image",
        ),
        (["empty", "--out", "t.csv", "--table", "labels/b.csv"], "put --out beside it, too"),
    ],
)
def test_what_cannot_be_split_is_refused(here, capfd, arguments, message):
    (here / "mine.csv").write_text("precious")
    (here / "empty").mkdir()
    (here / "split.csv").write_text("path,pid,split\n1/001.jpg,1,train\n")
    (here / "labels").mkdir()
    (here / "labels" / "t.csv").write_text("path,pid\n1/9.jpg,1\n")
    write_people(here / "labels", people=4)
    lines = [f"{person}/{shot:03}.jpg,{person}" for person in range(1, 5) for shot in range(4)]
    (here / "labels" / "b.csv").write_text("\n".join(["path,pid", *lines]))
    for name in ("query", "gallery"):
        write_people(here / "split" / name, people=1)
    before = sorted(str(path) for path in here.rglob("*"))
    assert run(["data", "split", *arguments]) == 2
    captured = capfd.readouterr()
    assert len(captured.err.strip().splitlines()) == 1
    assert captured.err.startswith("crosscam: error: ")
    assert message in captured.err
    assert captured.out == ""
    assert sorted(str(path) for path in here.rglob("*")) == before
    assert (here / "mine.csv").read_text() == "precious"


def test_a_table_is_replaced_if_told(here, capfd):
    (here / "t.csv").write_text("old")
    assert run(["data", "split", "crops", "--out", "t.csv", "--force"]) == 0
    assert (here / "t.csv").read_text().startswith("path,pid,camid,split\n1/000.jpg,1,,")


def test_a_table_of_names_alone_can_be_split(here, capfd):
    lines = [f"{person}/{shot:03}.jpg,{person}" for person in range(1, 5) for shot in range(4)]
    (here / "names.csv").write_text("\n".join(["path,pid", *lines]))
    assert run(["data", "split", "crops", "--table", "names.csv", "--out", "t.csv"]) == 0
    assert len((here / "t.csv").read_text().splitlines()) == 17
