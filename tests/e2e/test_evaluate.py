"""`crosscam evaluate` with protocols, switches and several data sets, as a user runs it."""

import json
import re

import pytest
import torch
from command import crosscam, train_arguments
from golden import DATA
from tiny import card, write_market, write_people

import crosscam as library
from crosscam.cli.main import run
from crosscam.weights.saved import save_card, save_weights


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A folder with a model that was never trained, and with data sets."""
    folder = tmp_path_factory.mktemp("evaluate")
    (folder / "model").mkdir()
    torch.manual_seed(0)
    model = library.create_model("resnet18", num_classes=4)
    save_card(folder / "model", card(model, weights_sha256=save_weights(folder / "model", model)))
    write_market(folder / "one" / "market1501", people=4, by_hand=2)
    write_market(folder / "other", people=3, cameras=3)
    write_people(folder / "crops", people=6, each=4)
    (folder / "list.txt").write_text("# nothing\n")
    return folder


def market(*more):
    return ("--data", "market1501", "--root", "one", *more)


def evaluate(base, monkeypatch, capfd, *options):
    """What the command prints, and the JSON that it writes."""
    monkeypatch.chdir(base)
    monkeypatch.setenv("COLUMNS", "200")
    fixed = ("--workers", "0", "--json", "scores.json")
    assert run(["evaluate", "model", *options, *fixed]) == 0, capfd.readouterr().err
    return capfd.readouterr().out, json.loads((base / "scores.json").read_text())


def test_one_data_set_keeps_the_shape_of_its_json(base, monkeypatch, capfd):
    out, content = evaluate(base, monkeypatch, capfd, *market())
    assert re.search(r"^resnet18 on market1501 +\d", out, re.MULTILINE)
    assert set(content) == {
        *("checkpoint", "data", "metric", "settings", "scores"),
        *("trained_on", "left_out", "notes", "intervals"),
    }
    assert content["data"] == "market1501"
    assert content["settings"]["protocol"] == "cross-camera"
    assert content["settings"]["rerank"] is False


@pytest.mark.parametrize(
    ("options", "words", "settings"),
    [
        (["--flip"], "flip", {"flip": True}),
        (["--multi-query", "max"], "multi-query max", {"multi_query": "max"}),
        (["--protocol", "no-cameras"], "no cameras", {"protocol": "no-cameras"}),
        (["--protocol", "single-shot"], "single shot", {"protocol": "single-shot"}),
        (
            ["--augment", "2", "--expand", "3", "--alpha", "2"],
            "gallery augmented by 2 with alpha 2; queries expanded by 3 with alpha 2",
            {"augment": 2, "expand": 3, "alpha": 2.0},
        ),
        (
            ["--rerank", "--k1", "4", "--k2", "2", "--lambda", "0.4"],
            "re-ranked with k1 4, k2 2, lambda 0.4",
            {"rerank": True, "k1": 4, "k2": 2, "lambda_value": 0.4},
        ),
    ],
)
def test_each_switch_is_said_beside_its_scores(base, monkeypatch, capfd, options, words, settings):
    _, plain = evaluate(base, monkeypatch, capfd, *market())
    out, content = evaluate(base, monkeypatch, capfd, *market(*options))
    assert f"resnet18 on market1501 ({words})" in out
    assert settings.items() <= content["settings"].items()
    assert content["scores"] != plain["scores"]


def test_classic_splits_have_their_protocol(base, monkeypatch, capfd):
    options = ("--data", "cuhk03:classic-labeled:0", "--root", str(DATA / "cuhk03"))
    out, content = evaluate(base, monkeypatch, capfd, *options)
    assert "resnet18 on cuhk03:classic-labeled:0 (single shot)" in out
    assert content["settings"]["protocol"] == "single-shot"
    assert "another protocol" not in " ".join(content["notes"])


def test_camera_pairs_are_printed_and_written(base, monkeypatch, capfd):
    options = ("--data", "market1501", "--root", "other", "--camera-pairs")
    out, content = evaluate(base, monkeypatch, capfd, *options)
    pairs = content["camera_pairs"]
    assert [(pair["query_camid"], pair["gallery_camid"]) for pair in pairs] == [
        *((1, 2), (1, 3), (2, 1), (2, 3), (3, 1), (3, 2)),
    ]
    assert all(pair["num_queries"] == pair["num_valid_queries"] == 3 for pair in pairs)
    assert "market1501, by camera" in out
    assert re.search(r"^ +3 +2 +3 +3 +\d", out, re.MULTILINE)


def test_several_data_sets_share_a_table_and_a_file(base, monkeypatch, capfd):
    options = ("--data", "market1501", "--data", "folder", "--root", "one", "--root", "crops")
    out, content = evaluate(base, monkeypatch, capfd, *options, "--flip")
    assert [one["data"] for one in content["sets"]] == ["market1501", "folder"]
    assert "scores" not in content
    protocols = [one["settings"]["protocol"] for one in content["sets"]]
    assert protocols == ["cross-camera", "no-cameras"]
    for name in ("market1501 (flip)", "folder (no cameras; flip)"):
        assert f"resnet18 on {name}" in out
    assert out.count("Rank-1 ") == 1
    _, alone = evaluate(base, monkeypatch, capfd, *market(), "--flip")
    assert content["sets"][0]["scores"] == alone["scores"]


def test_data_sets_of_one_name_are_told_apart_by_their_roots(base, monkeypatch, capfd):
    twice = ("--data", "market1501", "--data", "market1501")
    out, content = evaluate(base, monkeypatch, capfd, *twice, "--root", "one", "--root", "other")
    assert [one["data"] for one in content["sets"]] == ["market1501 in one", "market1501 in other"]
    assert "resnet18 on market1501 in other" in out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (market("--rerank", "--protocol", "single-shot"), "single-shot draws one image a person"),
        (market("--multi-query", "mean", "--protocol", "no-cameras"), "choose one of the two"),
        (market("--k1", "3"), "k1, k2 and lambda are those of re-ranking"),
        (market("--alpha", "3"), "alpha weighs the images of expand and augment"),
        (market("--camera-pairs", "--rerank"), "camera pairs are ranked one by one"),
        (market("--protocol", "best"), "--protocol"),
        (market("--multi-query", "median"), "--multi-query"),
        (market("--lambda", "2"), "--lambda"),
        (
            ("--data", "market1501", "--root", "other", "--multi-query", "mean"),
            "lacks gt_bbox, the images that multi-query pools",
        ),
        (("--data", "people", "--multi-query", "mean"), "multi-query is for market1501"),
        (
            ("--data", "cuhk03:classic-labeled:0", "--root", DATA / "cuhk03", "--rerank"),
            "single-shot draws one image a person",
        ),
        (
            (
                *("--data", "cuhk03:classic-labeled:0", "--root", DATA / "cuhk03"),
                *("--protocol", "no-cameras"),
            ),
            "8 of 8 queries are in the gallery too",
        ),
        (("--data", "folder", "--root", "crops", "--camera-pairs"), "no camera ids, so no pairs"),
        (market("--data", "market1501"), "--data market1501 is there twice"),
        (
            market("--root", "other", "--data", "people"),
            "there are 2 --root for 1 data sets that need one; give one --root for all",
        ),
        (("--data", "people", "--data", "people", "--root", "one"), "1 --root for 0 data sets"),
        (("--data", "people", "--root", "one"), "is built in; leave --root out"),
        (market("--data", "people", "--exclude", "list.txt"), "give one --data with it"),
        (market("--data", "people", "--pattern", "{pid}.jpg"), "leave the pattern and table out"),
        (market("--data", "nope"), "unknown data set 'nope'"),
    ],
)
def test_what_does_not_fit_is_refused(base, monkeypatch, capfd, options, message):
    monkeypatch.chdir(base)
    assert run(["evaluate", "model", *map(str, options), "--json", "refused.json"]) == 2
    captured = capfd.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1
    assert message in lines[0]
    assert not (base / "refused.json").exists()


def test_a_long_name_is_wrapped_and_no_figure_cut(base, monkeypatch, capfd):
    monkeypatch.chdir(base)
    monkeypatch.setenv("COLUMNS", "60")
    assert run(["evaluate", "model", *market("--rerank", "--flip"), "--workers", "0"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert re.search(r"( \d+\.\d %){5}$", re.sub(" +", " ", lines[1]))
    assert "lambda" in "".join(lines[2:])
    assert max(map(len, lines)) <= 60


def test_a_recipe_has_the_switches_and_its_report_says_so(base, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    settings = (
        *("schedule.epochs=1", "schedule.milestones=[]", "test.multi_query=mean"),
        *("test.flip=true", "test.rerank=true", "test.k1=4", "test.k2=2"),
    )
    arguments = train_arguments(base / "one", tmp_path / "run", *settings)
    done = crosscam(*arguments, "--json", "-", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    words = "flip; multi-query mean; re-ranked with k1 4, k2 2, lambda 0.3"
    content = json.loads(done.stdout)
    assert content["settings"]["multi_query"] == "mean"
    assert f"mobilenetv2 ({words})" in done.stderr
    assert "the same, not re-ranked" in done.stderr
    scores = json.loads((tmp_path / "run" / "model.json").read_text())["scores"]["market1501"]
    assert scores["settings"] == content["settings"]
    report = (tmp_path / "run" / "report.html").read_text()
    for part in (
        f"Tested with: {words}.",
        "pooled into a query (mean)",
        "with re-ranking",
        "the same, not re-ranked",
        "the order by distance, before re-ranking",
        "From camera to camera",
        "Before re-ranking.",
        "test.multi_query",
    ):
        assert part in report, part


def test_a_recipe_that_cannot_be_tested_so_is_refused_before_training(base, tmp_path, capfd):
    arguments = train_arguments(base / "crops", tmp_path / "run", "test.protocol=cross-camera")
    arguments[arguments.index("market1501")] = "folder"
    assert run(arguments) == 2
    assert "has no camera ids, which the protocol cross-camera needs" in capfd.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_report_of_a_classic_split_says_how_it_was_tested(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    settings = ("schedule.epochs=1", "schedule.milestones=[]")
    arguments = train_arguments(DATA / "cuhk03", tmp_path / "run", *settings)
    arguments[arguments.index("market1501")] = "cuhk03:classic-labeled:0"
    done = crosscam(*arguments, "--baseline", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "mobilenetv2 (single shot)" in done.stdout
    report = (tmp_path / "run" / "report.html").read_text()
    assert "expectations over all draws" in report
    assert "All pictures are shown" in report
    assert "From camera to camera" not in report
    assert "first found at rank" not in report
