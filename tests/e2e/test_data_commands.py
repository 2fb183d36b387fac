"""`crosscam data list`, and the published data sets as `--data` of the commands."""

import json

import golden
import pytest
from command import crosscam
from tiny import card

import crosscam as library
from crosscam.cli.main import run
from crosscam.weights.saved import save_card, save_weights


def test_the_data_sets_are_listed_with_sizes_terms_and_where_to_ask(tmp_path):
    done = crosscam("data", "list", "--json", tmp_path / "data.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    sizes = [line.split() for line in done.stdout.splitlines()]
    assert ["msmt17:v1+val", "1,041", "32,621", "11,659", "82,161", "15"] in sizes
    for words in (
        "variants: detected, labeled, detected+all, labeled+all, classic-detected:0 to",
        "variants: 0 to 9",
        "withdrawn: DukeMTMC was withdrawn by its authors in 2019: students were filmed outdoors",
        "ask: nobody: it is no longer offered",
        "terms: Pictures of real people, filmed at the Chinese University of Hong Kong",
        "Nothing is downloaded",
    ):
        assert words in done.stdout
    content = json.loads((tmp_path / "data.json").read_text())
    sets = {entry["name"]: entry for entry in content["datasets"]}
    assert sorted(sets) == library.list_datasets()
    assert sets["cuhk03"]["sizes"]["labeled"]["gallery_images"] == 5_328
    assert sets["market1501"]["sizes"][""]["train_pids"] == 751
    assert [name for name, entry in sets.items() if entry["withdrawn"]] == [
        "dukemtmcreid",
        "occluded-duke",
    ]
    assert all(entry["terms"] and entry["ask"] for entry in sets.values())


def test_the_list_alone_goes_to_standard_output_as_json(tmp_path):
    done = crosscam("data", "list", "--json", "-", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["datasets"]
    assert "Published sizes" in done.stderr


@pytest.mark.parametrize(
    "name",
    [
        *("cuhk-sysu", "cuhk02", "grid:3", "ilids", "ltcc:clothes-changing", "occluded-duke"),
        *("prcc", "prid:9", "viper"),
    ],
)
def test_each_of_them_can_be_checked(capsys, name):
    root = golden.DATA / name.partition(":")[0]
    assert run(["data", "check", name, "--root", str(root), "--jobs", "1"]) == 0
    assert "faults: 0" in capsys.readouterr().out


def test_a_protocol_of_clothes_is_that_of_the_data_set_or_chosen(tmp_path, model):
    root = ("--root", golden.DATA / "ltcc", "--json", "-")
    own = crosscam("evaluate", model, "--data", "ltcc:clothes-changing", *root, cwd=tmp_path)
    assert own.returncode == 0, own.stderr
    asked = ("--data", "ltcc", "--protocol", "clothes-changing", "--camera-pairs")
    chosen = crosscam("evaluate", model, *asked, *root, cwd=tmp_path)
    assert chosen.returncode == 0, chosen.stderr
    contents = [json.loads(done.stdout) for done in (own, chosen)]
    assert [content["settings"]["protocol"] for content in contents] == ["clothes-changing"] * 2
    assert contents[0]["scores"] == contents[1]["scores"]
    assert contents[0]["scores"]["num_valid_queries"] == 2
    assert "(clothes" in chosen.stderr
    assert "changing)" in chosen.stderr


def test_the_protocols_of_domain_generalisation_are_listed(capsys, tmp_path):
    assert run(["data", "protocols", "--json", str(tmp_path / "protocols.json")]) == 0
    out = capsys.readouterr().out
    assert "  crosscam train RECIPE --data market1501 --data msmt17 --data cuhk-sysu --test" in out
    content = json.loads((tmp_path / "protocols.json").read_text())["protocols"]
    assert [entry["name"] for entry in content][-1] == "protocol-3"
    assert content[-1]["turns"][0]["targets"] == ["cuhk03:detected"]
    assert run(["data", "protocols", "protocol-2", "--json", "-"]) == 0
    assert len(json.loads(capsys.readouterr().out)["protocols"]) == 1
    assert run(["data", "protocols", "nope"]) == 2
    assert "unknown protocol 'nope'; known are protocol-1" in capsys.readouterr().err


def test_splits_of_one_data_set_have_a_mean(tmp_path, model):
    names = [word for split in range(3) for word in ("--data", f"viper:{split}")]
    root = ("--root", golden.DATA / "viper", "--json", "-")
    done = crosscam("evaluate", model, *names, *root, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    found = [entry["scores"]["mAP"] for entry in content["sets"]]
    assert content["means"]["viper"]["splits"] == len(found) == 3
    assert content["means"]["viper"]["mAP"] == pytest.approx(sum(found) / 3)
    assert "viper, mean of 3 splits: Rank-1 " in done.stderr


@pytest.fixture
def model(tmp_path):
    """A saved model that was never trained."""
    network = golden.fill(library.create_model("shufflenet", num_classes=5))
    folder = tmp_path / "model"
    folder.mkdir()
    digest = save_weights(folder, network)
    save_card(folder, card(network, architecture="shufflenet", weights_sha256=digest))
    return folder


def test_a_classic_split_is_named_with_two_colons(tmp_path, model):
    data = ("--data", "cuhk03:classic-detected:3", "--root", golden.DATA / "cuhk03")
    done = crosscam("evaluate", model, *data, "--json", "-", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["data"] == "cuhk03:classic-detected:3"
    assert content["scores"]["num_queries"] == 6
    assert content["scores"]["num_valid_queries"] == 4  # a person is seen by one camera only
    assert content["settings"]["protocol"] == "single-shot"


@pytest.mark.parametrize(
    ("data", "root", "message"),
    [
        ("msmt17", "msmt17", "both versions of msmt17 are below"),
        ("cuhk03:classic", "cuhk03", "has no variant 'classic'; its variants are detected"),
        ("cuhk03", "market1501", "no cuhk03 below"),
        ("dukemtmcreid", "msmt17", "no dukemtmcreid below"),
        ("dukemtmcreid:v1", "dukemtmcreid", "no variant 'v1'; its variants are all"),
        ("viper:10", "viper", "no variant '10'; its variants are 0 to 9"),
        ("prid", "viper", "no prid below"),
        ("ltcc:other", "ltcc", "its variants are standard, clothes-changing, same-clothes"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(capfd, data, root, message):
    arguments = ["evaluate", "model", "--data", data, "--root", str(golden.DATA / root)]
    assert run(arguments) == 2
    error = capfd.readouterr().err
    assert error.startswith("crosscam: error: ")
    assert message in error
    assert len(error.strip().splitlines()) == 1
