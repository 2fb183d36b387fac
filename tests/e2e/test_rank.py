"""`crosscam rank`: the scores of features in files are those of `crosscam evaluate`."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from feature_files import CAMIDS, PIDS, people, write_npz, write_parquet
from tiny import card, write_coloured

import crosscam as library
from crosscam.cli.main import run
from crosscam.embedding.samples import embed_samples
from crosscam.weights.saved import save_card, save_weights


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A model that was never trained, a data set, and files of its features."""
    folder = tmp_path_factory.mktemp("rank")
    (folder / "model").mkdir()
    torch.manual_seed(0)
    model = library.create_model("lightres", num_classes=2)
    saved = save_weights(folder / "model", model)
    about = card(model, architecture="lightres", weights_sha256=saved)
    save_card(folder / "model", about)
    write_coloured(folder / "data" / "market1501", people=8, cameras=3)
    dataset = library.load_dataset("market1501", folder / "data")
    embedder = library.load_embedder(folder / "model", device="cpu", runtime="torch")
    said = {"format": 1, "made_by": embedder.made_by, "metric": "cosine", "model": "lightres"}
    for name, samples in (("query", dataset.query), ("gallery", dataset.gallery)):
        made = embed_samples(embedder, samples)
        paths = [str(sample.path) for sample in samples]
        ids = {"pid": made.pids, "camid": made.camids}
        write_parquet(folder / f"{name}.parquet", made.features, card=said, path=paths, **ids)
        ids = {"pids": np.array([f"who{pid}" for pid in made.pids]), "camids": made.camids}
        write_npz(folder / f"{name}.npz", made.features, **ids)
    return folder


@pytest.fixture
def here(base, monkeypatch):
    monkeypatch.chdir(base)
    monkeypatch.setenv("COLUMNS", "200")
    return base


def figures(capfd, *command):
    assert run([*command, "--json", "it.json"]) == 0, capfd.readouterr().err
    return capfd.readouterr().out, json.loads(Path("it.json").read_text())


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--protocol", "no-cameras", "--decisions"),
        ("--protocol", "single-shot"),
        ("--augment", "2", "--expand", "3", "--alpha", "2"),
        ("--rerank", "--k1", "4", "--k2", "2", "--lambda", "0.4"),
        ("--camera-pairs", "--decisions"),
    ],
)
def test_scores_are_those_of_evaluate(here, capfd, options):
    data = ("--data", "market1501", "--root", "data", "--workers", "0", "--device", "cpu")
    _, wanted = figures(capfd, "evaluate", "model", *data, *options)
    out, found = figures(capfd, "rank", "query.parquet", "gallery.parquet", *options)
    for key in ("scores", "settings", "intervals", "decisions", "camera_pairs", "metric"):
        assert found.get(key) == wanted.get(key), key
    assert found["query"]["rows"] == 24
    assert "lightres on query.parquet in gallery.parquet" in out
    if "--decisions" not in options:
        unsaid = ("query.npz", "gallery.npz", "--metric", "cosine")
        assert figures(capfd, "rank", *unsaid, *options)[1]["scores"] == wanted["scores"]


def test_tests_query_by_query_are_compared(here, capfd):
    for name, options in (("a", ()), ("b", ("--rerank",))):
        command = ("rank", "query.parquet", "gallery.parquet", "--queries", f"{name}.json")
        figures(capfd, *command, *options)
    assert run(["compare", "a.json", "b.json"]) == 0
    out = capfd.readouterr().out
    assert "both are the same weights" in out
    assert "tested differently: rerank is False and True" in out


def test_notes_are_shown_and_written(here, capfd):
    _, content = figures(capfd, "rank", "query.parquet", "query.parquet", "--rerank", "--k1", "3")
    assert content["notes"] == []
    write_npz(here / "bare.npz", people(), pids=PIDS)
    command = ("rank", "bare.npz", "bare.npz", "--metric", "euclidean", "--json", "-")
    assert run(list(command)) == 0
    printed = capfd.readouterr()
    note = "24 of 24 queries have the very feature of a gallery row of their person"
    assert note in json.loads(printed.out)["notes"][0]
    assert f"crosscam: note: {note}" in printed.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no.parquet", "gallery.parquet"], "cannot read the features in no.parquet: No such file"),
        (["data", "gallery.parquet"], "it is a folder"),
        (["model/model.json", "gallery.parquet"], "neither a Parquet file nor a .npz"),
        (["query.npz", "gallery.npz"], "say --metric euclidean or --metric cosine"),
        (["query.npz", "gallery.npz", "--metric", "hamming"], "'hamming' is not one of"),
        (["query.parquet", "gallery.parquet", "--k1", "5"], "switch it on with rerank"),
        (["query.parquet", "gallery.parquet", "--expand", "1000"], "it can be at most"),
        (["query.parquet", "gallery.parquet", "--queries", "no/x"], "there is no folder no"),
        (
            ["query.parquet", "gallery.parquet", "--camera-pairs", "--rerank"],
            "leave one of the two",
        ),
        (["strangers.npz", "gallery.npz", "--metric", "cosine"], "none of the people of its 24"),
    ],
)
def test_what_cannot_be_ranked_is_said_in_a_line(here, capfd, arguments, words):
    made = library.read_features("query.npz").features
    write_npz(here / "strangers.npz", made, pids=np.full(24, 999), camids=CAMIDS)
    assert run(["rank", *arguments]) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert words in printed.err
    assert printed.err.splitlines()[-1].startswith("crosscam: error: ")


def test_what_embed_wrote_is_ranked(here, capfd):
    """Parquet and `.npz` of the same pictures, some of whom nothing is known, give equal scores."""
    found = {}
    for end in ("parquet", "npz"):
        for name, folder, shots in (("q", "query", "*"), ("g", "bounding_box_test", "*2_00")):
            pictures = (
                "embed",
                f"data/market1501/{folder}",
                "--pattern",
                f"{{pid}}_c{{camid}}s1_{shots}.jpg",
            )
            model = ("--model", "model", "--runtime", "torch", "--workers", "0")
            command = (*pictures, *model, "--out", f"{name}.{end}")
            assert run(list(command)) == 0, capfd.readouterr().err
        _, found[end] = figures(capfd, "rank", f"q.{end}", f"g.{end}")
    assert found["parquet"]["scores"] == found["npz"]["scores"]
    assert found["npz"]["left_out"] == found["parquet"]["left_out"] == {"junk (no pid, or -1)": 19}
    assert found["npz"]["query"]["made_by"] is not None
