"""Two data sets trained on as one, tested on each and on a third: to the bit, and in every command.

They are a Market-1501 look-alike, which knows its cameras, and two folders of own pictures.
"""

import json
import shutil
import signal
from pathlib import Path

import pytest
from command import start
from tiny import TINY, write_market, write_people

import crosscam
from crosscam.cli.main import run
from crosscam.experiment.watcher import SilentWatcher
from crosscam.weights.saved import read_card

TOOL = Path(__file__).parents[1] / "tools" / "kill_at.py"
NAMES = ["market1501", "folder shop", "folder yard"]
SETTINGS = (
    *(*TINY, "schedule.epochs=1", "schedule.milestones=[]"),
    *("batch.balance=equal", "batch.steps_per_epoch=3"),
    *("calibration.held_out=0.34", 'selection.keep="best"', "selection.held_out=0.34"),
)


class Listener(SilentWatcher):
    """Keeps its notes."""

    def __init__(self):
        self.notes = []

    def on_note(self, note):
        self.notes.append(note)


def arguments(data, out, *more):
    settings = [part for setting in SETTINGS for part in ("--set", setting)]
    roots = [f"--root={data / name}" for name in ("market", "shop", "yard")]
    sets = ["--data=market1501", "--data=folder", "--test=folder"]
    return ["train", "mobilenetv2-xent", *sets, *roots, *settings, "--out", str(out), *more]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_market(folder / "market", people=9)
    write_people(folder / "shop", people=18)
    write_people(folder / "yard", people=4)
    return folder


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """An uninterrupted run, and its figures as JSON."""
    folder = tmp_path_factory.mktemp("whole")
    out = folder / "out.json"
    assert run(arguments(data, folder / "run", "--json", str(out))) == 0
    return folder / "run", json.loads(out.read_text())


def card_of(folder):
    return json.loads((folder / "model.json").read_text())


def test_all_tests_are_in_one_table_and_all_data_sets_in_the_card(whole, data):
    folder, figures = whole
    assert list(figures["tests"]) == NAMES
    first = {key: figures[key] for key in figures["tests"]["market1501"]}
    assert first == figures["tests"]["market1501"]
    card = read_card(folder)
    assert list(card.scores) == NAMES
    for name in NAMES:
        assert figures["tests"][name]["scores"]["mAP"] == card.scores[name]["mAP"]
    assert card.trained_on.data == "market1501 + folder shop"
    assert [(one.data, one.trained_on) for one in card.data_sets] == [
        *((name, True) for name in NAMES[:2]),
        ("folder yard", False),
    ]
    assert [one.identities for one in card.data_sets] == [9, 9, 2]
    assert len(card.calibration.pids) == 6  # a third of the people of both
    assert card.trained_on.identities == 18 - 6 - 4
    report = (folder / "report.html").read_text()
    for name in NAMES:
        assert f"mobilenetv2 on {name}" in report
        assert f"<td>{name}" in report
    assert "Note on folder yard: nothing says how these pictures are split" in report
    records = [crosscam.read_record(folder)]
    records += [crosscam.read_record(folder / f"queries-{name}.json") for name in NAMES[1:]]
    assert [record.data for record in records] == NAMES
    market = crosscam.load_dataset("market1501", data / "market")
    model = crosscam.load_embedder(folder, runtime="torch")
    assert crosscam.evaluate(model, market).mAP == card.scores["market1501"]["mAP"]


def test_a_killed_run_finds_all_its_data_again_and_ends_with_the_same_bits(whole, data, tmp_path):
    command = arguments(data, tmp_path / "run")
    killed = start("half-checkpoint", 3, "every-step", *command, program=TOOL, cwd=tmp_path).wait()
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert run(["resume", str(tmp_path / "run")]) == 0
    ends = [
        ((folder / "model.safetensors").read_bytes(), card_of(folder))
        for folder in (tmp_path / "run", whole[0])
    ]
    assert ends[0] == ends[1]
    files = [{path.name for path in folder.iterdir()} for folder in (tmp_path / "run", whole[0])]
    assert files[0] == files[1]


@pytest.fixture
def moved(whole, data, tmp_path):
    """A copy of the run, and of its data elsewhere, with the options that say where."""
    copy = shutil.copytree(whole[0], tmp_path / "run")
    environment = json.loads((copy / "environment.json").read_text())
    for one in environment["data_sets"]:
        one["data_source"]["root"] = one["data_source"]["root"].replace(str(data), "/gone")
    (copy / "environment.json").write_text(json.dumps(environment))
    shutil.copytree(data, tmp_path / "data")
    return copy, [f"--root={tmp_path / 'data' / name}" for name in ("market", "shop", "yard")]


def test_from_python_it_is_the_same_run(moved, whole, data):
    market = crosscam.load_dataset("market1501", data / "market")
    shop, yard = (crosscam.load_dataset("folder", data / name) for name in ("shop", "yard"))
    listener = Listener()
    made = crosscam.train(
        "mobilenetv2-xent",
        [market, shop],
        moved[0],
        test=[yard],
        overrides=SETTINGS,
        resume=True,
        watcher=listener,
    )
    assert list(made.outcomes) == NAMES
    assert made.scores is made.outcomes["market1501"].scores
    assert made.card == read_card(whole[0])
    assert listener.notes == []
    with pytest.raises(crosscam.CrosscamError, match=r"other data .market1501 . folder shop, "):
        crosscam.train(
            "mobilenetv2-xent", market, moved[0], overrides=SETTINGS, resume=True, watcher=listener
        )


def test_data_that_were_moved_are_found_by_roots(moved, whole, tmp_path, capfd):
    folder, roots = moved
    assert run(["resume", str(folder)]) == 2
    assert "gone" in capfd.readouterr().err
    assert run(["resume", str(folder), *roots[:2]]) == 2
    assert "2 --root for 3 data sets that need one" in capfd.readouterr().err
    out = tmp_path / "out.json"
    assert run(["evaluate", str(folder), *roots, "--workers=0", "--json", str(out)]) == 0
    sets = json.loads(out.read_text())["sets"]
    assert [one["data"] for one in sets] == NAMES
    for one in sets:
        assert one["scores"]["mAP"] == whole[1]["tests"][one["data"]]["scores"]["mAP"]
    (folder / "environment.json").unlink()  # then the card names them
    assert run(["evaluate", str(folder), *roots, "--workers=0", "--json", str(out)]) == 0
    assert json.loads(out.read_text())["sets"] == sets


def test_failures_and_calibration_are_of_a_run_on_several(whole, data, tmp_path, capfd):
    failures = ["failures", str(whole[0]), "--workers=0", "--json", "-"]
    for options, name in (([], "market1501"), (["--data=folder"], "folder")):
        place = tmp_path / f"failures-{name}"
        assert run([*failures, *options, "--out", str(place)]) == 0
        shown = capfd.readouterr()
        assert json.loads(shown.out)["data"] == name
        assert "this is a new test" not in shown.err
    folder = shutil.copytree(whole[0], tmp_path / "run")
    before = card_of(folder)
    assert run(["calibrate", str(folder), "--workers=0"]) == 0
    assert card_of(folder)["calibration"]["pids"] == before["calibration"]["pids"]
    market = ["--data=market1501", f"--root={data / 'market'}", "--workers=0"]
    assert run(["calibrate", str(folder), *market]) == 2
    assert "was trained on market1501 + folder shop as one" in capfd.readouterr().err
    renamed = crosscam.load_dataset("folder", data / "shop")
    model = crosscam.load_embedder(folder, runtime="torch")
    with pytest.raises(crosscam.CrosscamError, match="not of folder alone"):
        crosscam.calibrate(model, renamed)


def test_what_cannot_be_trained_together_is_refused_before_there_is_a_folder(data, tmp_path, capfd):
    cases = {
        "'people' is there twice": ["--data=people", "--data=people"],
        "2 --root for 1 data sets": [
            *("--data=people", "--data=folder"),
            *(f"--root={data / name}" for name in ("shop", "yard")),
        ],
        "identities is 3, which is not divisible by 2 data sets": [
            *("--data=people", "--data=folder", f"--root={data / 'shop'}"),
            *("--set=batch.balance=equal", "--set=batch.sampler=identities"),
            *("--set=batch.identities=3", "--set=batch.images_per_identity=2"),
            "--set=batch.size=6",
        ],
    }
    for message, options in cases.items():
        command = ["train", "mobilenetv2-xent", *options, "--out", str(tmp_path / "run")]
        assert run(command) == 2, message
        assert message in capfd.readouterr().err
        assert not (tmp_path / "run").exists()
