"""A data set knows where it was read from, and can be read again from there or from elsewhere."""

import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import write_market, write_people

from crosscam.data.exclusion import without_listed
from crosscam.data.registry import load_dataset
from crosscam.data.source import (
    Sources,
    moved,
    moved_all,
    open_source,
    open_sources,
    source_of_json,
    source_to_json,
)
from crosscam.errors import DataError
from crosscam.types import DataSource

PATHS = st.none() | st.builds(Path, st.text("abc/", min_size=1).map(lambda text: "/" + text))


def test_a_data_set_is_read_again_from_where_it_was(tmp_path, monkeypatch):
    write_market(tmp_path / "market")
    monkeypatch.chdir(tmp_path)
    dataset = load_dataset("market1501", "market")
    monkeypatch.chdir("/")
    assert dataset.source == DataSource("market1501", tmp_path / "market")
    assert open_source(dataset.source).query == tuple(
        sample._replace(path=tmp_path / sample.path) for sample in dataset.query
    )


def test_what_was_given_besides_is_given_again_and_moves_along(tmp_path):
    root = write_people(tmp_path / "a", names="{person}_{shot}.jpg")
    listing = root / "exclude.txt"
    listing.write_text("1_0.jpg\n")
    pattern = "{pid}_*.jpg"
    dataset = without_listed(load_dataset("folder", root, pattern=pattern), listing)
    assert dataset.source == DataSource("folder", root, pattern, exclude=listing)
    shutil.move(root, tmp_path / "b")
    with pytest.raises(DataError, match="a"):
        open_source(dataset.source)
    again = open_source(moved(dataset.source, tmp_path / "b"))
    counts = [
        len(found.train) + len(found.query) + len(found.gallery) for found in (dataset, again)
    ]
    assert counts[0] == counts[1]
    assert again.source.exclude == tmp_path / "b" / "exclude.txt"


def test_a_table_elsewhere_stays_and_a_built_in_set_cannot_move(tmp_path):
    source = DataSource("folder", Path("/a"), table=Path("/tables/a.csv"))
    assert moved(source, tmp_path) == DataSource("folder", tmp_path, table=Path("/tables/a.csv"))
    assert load_dataset("people").source == DataSource("people")
    with pytest.raises(DataError, match="built in; leave --root out"):
        moved(DataSource("people"), tmp_path)


@given(st.builds(DataSource, st.text(), PATHS, st.none() | st.text(), PATHS, PATHS))
def test_a_source_is_the_same_after_json(source):
    assert source_of_json(json.loads(json.dumps(source_to_json(source)))) == source


@pytest.mark.parametrize("content", [None, [], {}, {"name": 1}, {"name": "people", "root": 1}])
def test_what_describes_no_source_is_none(content):
    assert source_of_json(content) is None
    assert source_to_json(None) is None


def test_sources_of_several_sets_move_together_or_each_to_its_own_root(tmp_path):
    market = DataSource("market1501", Path("/a"))
    shop = DataSource("folder", Path("/b"), exclude=Path("/b/listing.txt"))
    sources = Sources((market, DataSource("people")), (shop,))
    one = moved_all(sources, [tmp_path])
    assert [source.root for source in one.all] == [tmp_path, None, tmp_path]
    assert (len(one.trained_on), len(one.only_tested)) == (2, 1)
    each = moved_all(sources, [tmp_path / "a", tmp_path / "b"])
    assert [source.root for source in each.all] == [tmp_path / "a", None, tmp_path / "b"]
    assert each.only_tested[0].exclude == tmp_path / "b" / "listing.txt"
    with pytest.raises(DataError, match="3 --root for 2 data sets that need one"):
        moved_all(sources, [tmp_path] * 3)
    with pytest.raises(DataError, match="'people' is built in; leave --root out"):
        moved_all(Sources((DataSource("people"),)), [tmp_path])


def test_several_sources_are_opened_as_they_were(tmp_path):
    write_market(tmp_path / "market")
    write_people(tmp_path / "shop")
    shop, market = (
        DataSource("folder", tmp_path / "shop"),
        DataSource("market1501", tmp_path / "market"),
    )
    sets = open_sources(Sources((shop,), (market,)))
    assert [one.name for one in sets.trained_on] == ["folder"]
    assert [one.name for one in sets.only_tested] == ["market1501"]
    assert [one.source for one in sets.all] == [shop, market]
