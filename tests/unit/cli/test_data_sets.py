"""Which root is whose where a command names several data sets."""

import json
from pathlib import Path

import pytest
from tiny import write_market, write_people

from crosscam.cli.commands.options import ManyDataOptions, RunDataOptions
from crosscam.cli.data_sets import open_data_of, open_datasets
from crosscam.errors import DataError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with two data sets."""
    monkeypatch.chdir(tmp_path)
    write_market(tmp_path / "all" / "market1501", people=2)
    write_people(tmp_path / "crops", names="{person}_{shot}.jpg")
    return tmp_path


def opened(names, roots=(), *, pattern=None):
    data = ManyDataOptions(names, [Path(root) for root in roots], pattern)
    datasets = open_datasets(data, "model", multi_query=False)
    return {name: str(dataset.query[0].path) for name, dataset in datasets.items()}


def test_roots_are_given_in_turn_to_those_that_need_one(here):
    names = ["people", "folder", "people", "market1501"]
    with pytest.raises(DataError, match="--data people is there twice"):
        opened(names, ["crops", "all"], pattern="{pid}_*.jpg")
    found = opened(names[1:], ["crops", "all"], pattern="{pid}_*.jpg")
    assert list(found) == ["folder", "people", "market1501"]
    assert found["folder"].startswith("crops")
    assert found["market1501"].startswith("all")


def test_what_a_model_was_trained_on_is_the_default(here):
    run = here / "model"
    run.mkdir()
    source = {"name": "market1501", "root": str(here / "all"), "pattern": None}
    (run / "environment.json").write_text(json.dumps({"data_source": source}))
    [(name, path)] = opened(None).items()
    assert name == "market1501"
    assert path.startswith(str(here / "all"))
    (here / "all").rename(here / "moved")
    [path] = opened(None, ["moved"]).values()
    assert path.startswith(str(here / "moved"))
    with pytest.raises(DataError, match="give one --root"):
        opened(None, ["moved", "crops"])
    (run / "environment.json").unlink()
    (here / "model.pth.tar").write_bytes(b"")
    with pytest.raises(DataError, match="does not say what it was trained on; give --data"):
        open_data_of("model.pth.tar", RunDataOptions())


def test_one_root_serves_all(here):
    found = opened(["market1501", "people"], ["all"])
    assert list(found) == ["market1501", "people"]
    assert found["market1501"].startswith("all")
    found = opened(["market1501", "market1501"], ["all", "all/market1501"])
    assert list(found) == ["market1501 in all", "market1501 in all/market1501"]


def test_roots_that_do_not_fit_are_refused(here):
    with pytest.raises(DataError, match="3 --root for 2 data sets"):
        opened(["market1501", "folder"], ["all"] * 3)
    with pytest.raises(DataError, match="1 --root for 0 data sets"):
        opened(["people", "people"], ["all"])
    with pytest.raises(DataError, match="say where it is with --root"):
        opened(["market1501", "folder"])
