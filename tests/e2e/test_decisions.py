"""Training with a calibration, error rates, and comparing runs, as a user does it."""

import json

import numpy as np
import pytest
from command import crosscam, train_arguments
from PIL import Image
from tiny import write_coloured, write_market

import crosscam as library
from crosscam.cli.main import run
from crosscam.data.holdout import set_aside

HELD = "calibration.held_out=0.5"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A folder with a data set, and two runs on it, one of which was calibrated."""
    folder = tmp_path_factory.mktemp("decisions")
    write_coloured(folder / "data" / "market1501")
    for name, overrides in (("a", [HELD, "schedule.epochs=3"]), ("b", ["seed=2"])):
        done = crosscam(*train_arguments("data", name, *overrides), cwd=folder)
        assert done.returncode == 0, done.stderr
        assert "95 % interval" in done.stdout
    return folder


@pytest.fixture
def here(base, monkeypatch):
    monkeypatch.chdir(base)
    return base


def test_people_held_out_are_neither_trained_nor_tested_on(base):
    card = json.loads((base / "a" / "model.json").read_text())
    data = library.load_dataset("market1501", base / "data")
    seed = card["recipe"]["seed"]
    held = {sample.pid for sample in set_aside(data.train, share=0.5, seed=seed)[0]}
    calibration = card["calibration"]
    assert set(calibration["pids"]) == held
    assert calibration["camids"] == [1, 2]
    assert card["trained_on"]["identities"] == 24 - len(held) == 12
    assert calibration["data"] == "market1501, people held out of training"
    assert json.loads((base / "b" / "model.json").read_text())["calibration"] is None


def test_the_probability_is_there_after_training(base):
    model = library.load_embedder(base / "a", runtime="torch")
    data = library.load_dataset("market1501", base / "data")
    one, other = (Image.open(sample.path) for sample in data.query[:2])
    assert 0 <= model.same_person(one, other) <= 1


def test_the_report_says_how_sure_it_is(base):
    page = (base / "a" / "report.html").read_text()
    for words in (
        "95 % confidence intervals, from resampling the 24 people",
        "the equal error rate",
        "chosen on 12 people held out of training",
        "expected calibration error",
        "detection and identification rate",
    ):
        assert words in page
    assert "calibration.held_out=0.1" not in page
    other = (base / "b" / "report.html").read_text()
    assert "found on the test's own people, so they flatter" in other
    assert "expected calibration error" not in other
    assert (base / "a" / "reliability.png").exists()
    assert not (base / "b" / "reliability.png").exists()


def test_intervals_are_in_the_card(base):
    scores = json.loads((base / "a" / "model.json").read_text())["scores"]["market1501"]
    low, high = scores["intervals"]["mAP"]
    assert low < scores["mAP"] < high
    assert scores["intervals"]["people"] == 24


def test_evaluate_shows_decisions(here, capfd):
    command = ["evaluate", "a", "--data", "market1501", "--root", "data", "--workers", "0"]
    assert run([*command, "--decisions", "--json", "it.json"]) == 0
    out = capfd.readouterr().out
    assert "equal error rate" in out
    assert "too few to tell" in out
    assert "expected calibration error" in out
    content = json.loads((here / "it.json").read_text())
    decisions = content["decisions"]
    assert decisions["verification"]["genuine_pairs"] == 24 * 2
    assert decisions["open_set"]["mated_queries"] == 5 * 24
    assert [one["far"] for one in decisions["thresholds"]] == [0.001, 0.01, 0.1]
    assert content["intervals"]["level"] == 0.95
    assert run([*command, "--flip", "--decisions", "--json", "it.json"]) == 0
    assert "the calibration is of other features" in capfd.readouterr().out
    decisions = json.loads((here / "it.json").read_text())["decisions"]
    assert decisions["reliability"] is None
    assert decisions["thresholds"] == []


def test_compare_says_it_in_one_sentence(here, capfd):
    assert run(["compare", "a", "b", "--plot", "it.png", "--json", "it.json"]) == 0
    out = capfd.readouterr().out
    content = json.loads((here / "it.json").read_text())
    assert out.startswith(content["sentence"])
    assert content["sentence"].count("95 % interval") == 1
    assert [one["figure"] for one in content["differences"]] == [
        *("rank1", "rank5", "rank10", "mAP", "mINP")
    ]
    cards = [json.loads((here / name / "model.json").read_text()) for name in ("a", "b")]
    one, other = (card["scores"]["market1501"]["mAP"] for card in cards)
    assert content["differences"][3]["gain"] == pytest.approx(other - one)
    with Image.open(here / "it.png") as plot:
        assert plot.width > 500
    assert run(["compare", "a", "b", "--figure", "rank1", "--plot", "it.svg"]) == 0
    assert "Rank-1" in capfd.readouterr().out.splitlines()[0]
    assert (here / "it.svg").read_text().startswith("<?xml")


def test_a_run_is_compared_with_a_test_of_the_same_weights(here, capfd):
    command = ["evaluate", "a", "--data", "market1501", "--root", "data", "--workers", "0"]
    assert run([*command, "--queries", "again.json"]) == 0
    assert run([*command, "--flip", "--queries", "flip.json"]) == 0
    capfd.readouterr()
    assert run(["compare", "a", "again.json", "--json", "it.json"]) == 0
    content = json.loads((here / "it.json").read_text())
    assert "no real difference" in content["sentence"]
    assert "both are the same weights" in content["notes"]
    assert all(one["gain"] == pytest.approx(0) for one in content["differences"])
    assert run(["compare", "a", "flip.json"]) == 0
    assert "tested differently: flip is False and True" in capfd.readouterr().out


def test_calibrate_gives_a_run_what_it_lacks(here, capfd, tmp_path):
    write_coloured(tmp_path / "crops" / "market1501", people=30)
    before = (here / "b" / "model.json").read_bytes()
    own = ["calibrate", "b", "--data", "market1501", "--root", "data", "--workers", "0"]
    assert run(own) == 2
    assert "all training people of market1501" in capfd.readouterr().err
    other = ["calibrate", "b", "--data", "folder", "--root", str(tmp_path / "crops" / "market1501")]
    table = tmp_path / "split.csv"
    folder = "bounding_box_train"
    rows = [
        f"{folder}/{path.name},{path.name[:4]},{path.name[6]},train"
        for path in sorted((tmp_path / "crops" / "market1501" / folder).iterdir())
    ]
    table.write_text("\n".join(["path,pid,camid,split", *rows]) + "\n")
    assert run([*other, "--table", str(table), "--workers", "0", "--json", "it.json"]) == 0
    out = capfd.readouterr().out
    assert "of 30 people (folder, training people)" in out
    found = json.loads((here / "it.json").read_text())["calibration"]
    assert library.load_embedder("b", runtime="torch").calibration.model_dump(mode="json") == found
    (here / "b" / "model.json").write_bytes(before)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "a", "nothing"], "no test query by query in nothing"),
        (["compare", "a", "data"], "no test query by query in data/queries.json"),
        (["compare", "a", "b", "--plot", "it.gif"], "ends in .png, .svg, .pdf"),
        (["compare", "a", "b", "--plot", "no/it.png"], "there is no folder no"),
        (["compare", "a", "b", "--figure", "rank2"], "rank2"),
        (["calibrate", "nothing", "--data", "people"], "no such run"),
        (
            ["evaluate", "a", "--data", "people", "--data", "people", "--queries", "x"],
            "--queries is of one data set",
        ),
        (["evaluate", "a", "--data", "people", "--queries", "no/x"], "there is no folder no"),
    ],
)
def test_bad_input_is_one_line(here, capfd, arguments, message):
    assert run(arguments) == 2
    error = capfd.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_runs_on_other_data_are_not_compared(here, capfd, tmp_path):
    write_market(tmp_path / "market1501", people=4)
    command = ["evaluate", "a", "--data", "market1501", "--root", str(tmp_path), "--workers", "0"]
    assert run([*command, "--queries", str(tmp_path / "it.json")]) == 0
    capfd.readouterr()
    assert run(["compare", "a", str(tmp_path / "it.json")]) == 2
    assert "tested on different data" in capfd.readouterr().err


def test_too_few_people_to_calibrate_by_are_refused_before_training(here, capfd):
    command = train_arguments("data", "c", "calibration.held_out=0.1")
    assert run(command) == 2
    error = capfd.readouterr().err
    assert "calibration.held_out is 0.1 of the training people: 2 people with" in error
    assert not (here / "c").exists()


def test_a_resumed_run_is_calibrated_the_same(base, tmp_path):
    """The calibration comes from the weights and the recipe alone."""
    again = crosscam(*train_arguments("data", tmp_path / "a", HELD, "schedule.epochs=3"), cwd=base)
    assert again.returncode == 0, again.stderr
    one, other = (
        json.loads((folder / "a" / "model.json").read_text())["calibration"]
        for folder in (base, tmp_path)
    )
    assert one["made_by"] == other["made_by"]
    assert np.allclose(
        [threshold["distance"] for threshold in one["thresholds"]],
        [threshold["distance"] for threshold in other["thresholds"]],
    )
