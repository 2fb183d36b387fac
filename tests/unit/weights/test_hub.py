"""Models of the Hub, against a stand-in for it: put there, had from there, and refused in words."""

import json
import shutil
import sys
from pathlib import Path

import huggingface_hub
import pytest
import torch
from hub_stand_in import TOKEN, Repository, hub_stand_in
from huggingface_hub import constants
from tiny import card, write_image

import crosscam
from crosscam.cli.main import run
from crosscam.data import people
from crosscam.errors import DownloadError, ExtraError, WeightsError
from crosscam.weights.hub import import_hub, is_hub, parse_place
from crosscam.weights.hub_page import write_page
from crosscam.weights.hub_push import push_model
from crosscam.weights.saved import TrainingCard, save_card, save_weights

# What its client does to put a file there, in newer versions of its own part.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

PLACE = "hf://someone/lightres-people"
NAME = "someone/lightres-people"
FILES = {".gitattributes", "README.md", "model.json", "model.safetensors"}
RENDERED = TrainingCard(
    data="people",
    identities=2,
    images=8,
    fingerprint="0",
    terms=people.ABOUT.terms,
    initial_weights="random",
)
FIGURES = {"rank1": 0.5, "rank5": 0.75, "rank10": 0.8, "mAP": 0.4, "mINP": 0.2}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model of rendered people, never trained, in a folder with other files."""
    folder = tmp_path_factory.mktemp("saved")
    torch.manual_seed(0)
    model = crosscam.create_model("lightres", num_classes=2)
    digest = save_weights(folder, model)
    about = {"architecture": "lightres", "trained_on": RENDERED, "weights_sha256": digest}
    save_card(folder, card(model, **about, scores={"people": FIGURES}))
    (folder / "log.jsonl").write_text("not for others")
    return folder


def point_to(monkeypatch, address):
    template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The stand-in, at the place of the Hub for its client, with an empty cache and a token."""
    with hub_stand_in() as (stand_in, address):
        point_to(monkeypatch, address)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_IMPLICIT_TOKEN", False)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
        monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
        yield stand_in


def pushed(hub, saved, **files):
    """A repository that has the model, with some of its files changed."""
    contents = {name: (saved / name).read_bytes() for name in ("model.json", "model.safetensors")}
    hub.repositories[NAME] = Repository()
    return hub.repositories[NAME].commit({**contents, **files})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("hf://a/b", ("a/b", None)),
        ("hf:/a/b", ("a/b", None)),
        (Path("hf://a-1/b.c_d"), ("a-1/b.c_d", None)),
        ("hf://a/b@v1.0", ("a/b", "v1.0")),
        ("hf://a/b@refs/pr/1", ("a/b", "refs/pr/1")),
    ],
)
def test_addresses(text, place):
    assert is_hub(text)
    assert parse_place(text) == place
    assert str(parse_place(text)).startswith("hf://")


@pytest.mark.parametrize(
    "text",
    ["hf://", "hf://a", "hf://a/b/c", "hf://a/../b", "hf://a/b@", "hf://a/b@../x", "hf://a b/c"],
)
def test_addresses_that_are_none(text):
    with pytest.raises(WeightsError, match="no address of the Hub"):
        crosscam.load_model(text)


def test_a_model_goes_up_and_comes_down(hub, saved, capfd):
    assert run(["push", str(saved), PLACE, "--private"]) == 0
    out = capfd.readouterr().out
    repository = hub.repositories[NAME]
    assert repository.private
    assert out.startswith(f"{PLACE}: http://127.0.0.1")
    assert set(repository.files("main")) == FILES
    assert repository.files("main")["model.json"] == (saved / "model.json").read_bytes()
    embedder = crosscam.load_embedder(PLACE, runtime="torch", device="cpu")
    assert embedder.made_by == crosscam.load_embedder(saved, runtime="torch", device="cpu").made_by
    images = torch.rand(2, 3, 64, 32)
    expected = crosscam.load_model(saved)(images)
    torch.testing.assert_close(crosscam.load_model(Path(PLACE))(images), expected, rtol=0, atol=0)
    assert not any("README" in path for method, path in hub.requests if method == "GET")


def test_commands_take_the_address_of_a_model(hub, saved, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    pushed(hub, saved)
    write_image(tmp_path / "pictures" / "1.png")
    command = ("embed", "pictures", "--model", PLACE, "--out", "x.npz", "--workers", "0")
    assert run(list(command)) == 0, capfd.readouterr().err
    found = crosscam.read_features("x.npz")
    assert found.card.made_by == crosscam.load_embedder(saved, device="cpu").made_by
    assert found.card.model == PLACE
    capfd.readouterr()
    assert run(["evaluate", PLACE]) == 2
    said = f"crosscam: error: which data is {PLACE} to be tested on? Name a data set: --data\n"
    assert capfd.readouterr().err == said


def test_what_is_had_is_of_one_commit_and_kept(hub, saved, monkeypatch):
    first = pushed(hub, saved)
    hub.repositories[NAME].refs["v1"] = first
    crosscam.load_model(f"{PLACE}@v1")
    pushed(hub, saved, **{"model.json": b"{}"})
    hub.repositories[NAME].commits[first] = {}
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    before = len(hub.requests)
    crosscam.load_model(f"{PLACE}@v1")
    assert len(hub.requests) == before
    with pytest.raises(DownloadError, match="is not in the Hub's cache on this machine, and"):
        crosscam.load_model(f"{PLACE}@v2")


def test_weights_that_are_not_those_of_the_card(hub, saved):
    content = bytearray((saved / "model.safetensors").read_bytes())
    content[-1] ^= 1
    pushed(hub, saved, **{"model.safetensors": bytes(content)})
    with pytest.raises(WeightsError, match=r"is not the file that model.json beside it describes"):
        crosscam.load_embedder(PLACE)


def test_faults_of_the_hub_are_one_line(hub, saved, monkeypatch, tmp_path):
    def refused(words, place=PLACE):
        with pytest.raises((WeightsError, DownloadError), match=words) as raised:
            crosscam.load_embedder(place)
        assert "\n" not in str(raised.value)

    refused("hf://someone/lightres-people is not there, or you may not see it")
    hub.repositories[NAME] = Repository()
    hub.repositories[NAME].commit({"config.json": b"{}"})
    refused(r"is no model of crosscam: it lacks model.json or model.safetensors")
    pushed(hub, saved)
    refused("has no such branch, tag or commit", f"{PLACE}@v9")
    hub.repositories[NAME].gated = True
    refused("is gated: ask for access on its page")
    hub.status = 418
    refused("the Hub answers 418")
    point_to(monkeypatch, "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda _: None)  # its client tries again and again
    refused("the Hub cannot be reached")


def test_a_private_model_asks_for_a_token(hub, saved, monkeypatch):
    pushed(hub, saved)
    hub.repositories[NAME].private = True
    crosscam.load_model(PLACE)
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere")
    other = f"{PLACE}@{hub.repositories[NAME].refs['main']}x"
    with pytest.raises(WeightsError, match="log in with `hf auth login`, or set HF_TOKEN"):
        crosscam.load_model(other)
    with pytest.raises(WeightsError, match="there is no token of the Hub here"):
        push_model(saved, parse_place(PLACE))


def test_what_is_there_is_not_replaced_unasked(hub, saved):
    place = parse_place(PLACE)
    pushed(hub, saved)
    with pytest.raises(WeightsError, match="has a model already; --force"):
        push_model(saved, place)
    with pytest.raises(WeightsError, match="is there already, for all to see"):
        push_model(saved, place, private=True, force=True)
    push_model(saved, place, force=True)
    assert set(hub.repositories[NAME].files("main")) == FILES - {".gitattributes"}
    with pytest.raises(WeightsError, match="models are put on the main branch"):
        push_model(saved, parse_place(f"{PLACE}@v1"))


def test_a_token_that_may_not_write(hub, saved):
    hub.may_write = False
    with pytest.raises(WeightsError, match="the Hub refuses your token"):
        push_model(saved, parse_place(PLACE))


def test_terms_of_the_data_are_to_be_accepted(hub, saved, tmp_path, capfd):
    folder = shutil.copytree(saved, tmp_path / "run")
    about = json.loads((folder / "model.json").read_text())
    about["trained_on"] |= {"data": "dukemtmcreid", "terms": "Withdrawn by its authors in 2019."}
    (folder / "model.json").write_text(json.dumps(about))
    assert run(["push", str(folder), PLACE]) == 2
    said = capfd.readouterr().err
    assert "it was trained on dukemtmcreid; terms of the data: Withdrawn by its authors" in said
    assert said.count("\n") == 1
    assert hub.requests == []
    options = ("--accept-terms", "--licence", "CC BY-NC 4.0")
    assert run(["push", str(folder), PLACE, *options]) == 0
    files = hub.repositories[NAME].files("main")
    assert json.loads(files["model.json"])["licence"] == "CC BY-NC 4.0"
    page = files["README.md"].decode()
    assert "- Licence: CC BY-NC 4.0" in page
    assert "- Terms of these data: Withdrawn by its authors in 2019." in page


def test_broken_models_do_not_go_up(hub, saved, tmp_path):
    folder = shutil.copytree(saved, tmp_path / "run")
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\1")
    with pytest.raises(WeightsError, match="is not the file that"):
        push_model(folder, parse_place(PLACE))
    with pytest.raises(WeightsError, match="no such run or weight file"):
        push_model(tmp_path / "none", parse_place(PLACE))
    assert hub.requests == []


def test_the_page_says_what_the_card_says_as_text(saved):
    model = crosscam.load_model(saved)
    said = TrainingCard(**{**RENDERED.model_dump(), "data": "<b>a|b</b>\n# x"})
    about = card(model, trained_on=said, scores={"people": FIGURES, "noted": {"rank1": "high"}})
    page = write_page(about, parse_place(PLACE))
    assert r"\<b\>a\|b\</b\>\\n\# x" in page
    assert "| people | 50.0 % | 75.0 % | 80.0 % | 40.0 % | 20.0 % |" in page
    assert "noted" not in page
    assert f'load_embedder("{PLACE}")' in page


def test_telemetry_is_off_unless_the_user_says_otherwise(hub, saved, monkeypatch):
    pushed(hub, saved)
    crosscam.load_model(PLACE)
    assert not any("torch" in agent or "agent/" in agent for agent in hub.agents)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "0")
    assert import_hub().constants.HF_HUB_DISABLE_TELEMETRY is False
    monkeypatch.delenv("HF_HUB_DISABLE_TELEMETRY")
    assert import_hub().constants.HF_HUB_DISABLE_TELEMETRY is True


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ExtraError, match=r"needs huggingface_hub.*crosscam\[hub\]"):
        crosscam.load_embedder(PLACE)
    assert huggingface_hub is not None
