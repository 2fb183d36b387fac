"""The commands as a user runs them."""

import json
import re
from html.parser import HTMLParser

import pytest
from command import crosscam, train_arguments
from PIL import Image

import crosscam as library


@pytest.fixture(scope="module")
def run(tiny_market, tmp_path_factory):
    """A finished run, made by the command, with a baseline."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    done = crosscam(
        *train_arguments(tiny_market, folder, "selection.keep=best", "selection.held_out=0.34"),
        "--baseline",
        "--json",
        "-",
        cwd=folder.parent,
    )
    assert done.returncode == 0, done.stderr
    return folder, done


def test_training_leaves_all_that_is_promised(run):
    folder, done = run
    assert {path.name for path in folder.iterdir()} == {
        "recipe.toml",
        "environment.json",
        "log.jsonl",
        "last.pt",
        "model.safetensors",
        "model.json",
        "report.html",
        "failures",
        "queries.json",
        "errors.png",
        "training.png",
        "cameras.png",
        "cmc.png",
        "distances.png",
        "ranked.png",
    }
    content = json.loads(done.stdout)
    assert {"rank1", "rank5", "rank10", "mAP", "mINP", "num_valid_queries", "cmc"} <= set(
        content["scores"]
    )
    assert 0 <= content["scores"]["rank1"] <= content["scores"]["rank5"] <= 1
    assert content["baseline"]["num_valid_queries"] == 12
    assert "Rank-1" in done.stderr
    assert "colour histogram" in done.stderr
    assert str(folder / "report.html") in done.stderr


def test_the_environment_and_the_card_say_what_made_the_run(run):
    folder, _ = run
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["threads"] == 1
    assert environment["seed"] == 1
    assert environment["memory_format"] == "channels_last"
    assert re.fullmatch("[0-9a-f]{16}", environment["data_fingerprint"])
    card = json.loads((folder / "model.json").read_text())
    assert card["trained_on"]["data"] == "market1501"
    assert card["trained_on"]["identities"] == 4  # of 6, two are held out to choose by
    assert "research only" in card["trained_on"]["terms"]
    assert card["scores"]["market1501"]["num_valid_queries"] == 12


def test_the_log_has_a_line_a_step_and_one_a_choice(run):
    folder, _ = run
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    steps = [(line["epoch"], line["step"]) for line in lines if "step" in line]
    assert steps == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert [line["epoch"] for line in lines if "held_out" in line] == [1, 2]
    assert all(line["lr"] > 0 and line["loss"] > 0 for line in lines if "step" in line)


class Links(HTMLParser):
    """Collects what a page refers to, and what it says."""

    def __init__(self):
        super().__init__()
        self.references, self.pictures, self.text = [], 0, ""

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name in ("src", "href", "srcset", "action", "data"):
                self.references.append(value)
        self.pictures += tag == "img"

    def handle_data(self, data):
        self.text += data


def test_the_report_needs_nothing_but_itself(run):
    folder, _ = run
    page = (folder / "report.html").read_text(encoding="utf-8")
    links = Links()
    links.feed(page)
    assert links.pictures > 20
    beside = [one for one in links.references if not one.startswith("data:image/")]
    assert beside == ["failures/index.html"]
    assert (folder / beside[0]).is_file()
    assert "http" not in re.sub(r'"data:[^"]*"|http-equiv', "", page)
    for word in (
        "Rank-1",
        "mAP",
        "colour histogram",
        "The worst queries",
        "optimizer.lr",
        "Left out",
    ):
        assert word in links.text
    for name in ("training", "cameras", "cmc", "distances", "ranked"):
        with Image.open(folder / f"{name}.png") as image:
            assert image.width > 300


def test_failures_of_a_run_are_those_of_its_own_test(run, tiny_market, tmp_path):
    folder, done = run
    options = ("--root", tiny_market, "--out", tmp_path / "page", "--json", "-")
    again = crosscam("failures", folder, *options, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "new test" not in again.stderr
    figures, scores = json.loads(again.stdout), json.loads(done.stdout)["scores"]
    assert figures["scores"] == {**scores, "cmc": scores["cmc"][:20]}
    for name in ("index.html", "data.js"):
        assert (tmp_path / "page" / name).read_bytes() == (folder / "failures" / name).read_bytes()


def test_a_test_whose_galleries_are_drawn_has_no_failures(tiny_market, tmp_path):
    settings = ("test.protocol=single-shot", "schedule.epochs=1", "schedule.milestones=[]")
    done = crosscam(*train_arguments(tiny_market, tmp_path / "run", *settings), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "run" / "failures").exists()
    assert "a query has no one ranking" in (tmp_path / "run" / "report.html").read_text()


def test_evaluation_gives_the_scores_of_training(run, tiny_market, tmp_path):
    folder, done = run
    for checkpoint in (folder, folder / "model.safetensors"):
        again = crosscam(
            *("evaluate", checkpoint, "--data", "market1501", "--root", tiny_market),
            *("--json", tmp_path / "scores.json"),
            cwd=tmp_path,
        )
        assert again.returncode == 0, again.stderr
        assert "market1501" in again.stdout
        content = json.loads((tmp_path / "scores.json").read_text())
        assert content["scores"] == json.loads(done.stdout)["scores"]


def test_the_same_command_gives_the_same_weights(run, tiny_market, tmp_path):
    folder, _ = run
    settings = ("selection.keep=best", "selection.held_out=0.34", "workers=2")
    again = crosscam(*train_arguments(tiny_market, tmp_path / "again", *settings), cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    ours, theirs = (f / "model.safetensors" for f in (tmp_path / "again", folder))
    assert ours.read_bytes() == theirs.read_bytes()


def test_a_finished_run_resumed_says_the_same_again(run, tiny_market):
    folder, done = run
    weights = (folder / "model.safetensors").read_bytes()
    arguments = train_arguments(
        tiny_market, folder, "selection.keep=best", "selection.held_out=0.34"
    )
    again = crosscam(*arguments, "--resume", "--json", "-", cwd=folder.parent)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["scores"] == json.loads(done.stdout)["scores"]
    assert (folder / "model.safetensors").read_bytes() == weights


def test_runs_without_a_name_are_numbered_and_the_last_is_resumed(tiny_market, tmp_path):
    arguments = train_arguments(tiny_market, "x", "schedule.epochs=1", "schedule.milestones=[]")
    unnamed = [part for part in arguments if part not in ("--out", "x")]
    for _ in range(2):
        assert crosscam(*unnamed, cwd=tmp_path).returncode == 0
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == [
        "mobilenetv2-xent-market1501-1",
        "mobilenetv2-xent-market1501-2",
    ]
    resumed = crosscam(*unnamed, "--resume", cwd=tmp_path)
    assert resumed.returncode == 0
    assert "mobilenetv2-xent-market1501-2" in resumed.stdout
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_a_model_can_be_used_from_python(run, tiny_market):
    folder, _ = run
    model = library.load_model(folder)
    with Image.open(next((tiny_market / "query").iterdir())) as image:
        features = model(model.preprocess(image).unsqueeze(0))
    assert features.shape == (1, 1280)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["evaluate", "-h"], ["demo", "-h"]]
)
def test_help_is_helpful(arguments, tmp_path):
    done = crosscam(*arguments, cwd=tmp_path)
    assert done.returncode == 0
    assert "Usage: crosscam" in done.stdout
    assert crosscam("--version", cwd=tmp_path).stdout.strip() == library.__version__
