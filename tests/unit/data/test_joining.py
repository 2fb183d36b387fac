"""Several data sets as one: people and cameras apart, and what cannot be joined is refused."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import write_market, write_people

from crosscam.data.joining import gather, sets_of, shifted
from crosscam.data.registry import load_dataset
from crosscam.errors import DataError
from crosscam.types import ReIDDataset, Sample

labels = st.lists(st.tuples(st.integers(-20, 20), st.integers(-3, 9)), min_size=1, max_size=12)


def made(name, train, *, cameras=True, tested=(), **changes):
    def samples(split, ids):
        return tuple(
            Sample(Path(f"/{name}/{split}/{place}.jpg"), pid, camid if cameras else None)
            for place, (pid, camid) in enumerate(ids)
        )

    return ReIDDataset(
        name,
        samples("train", train),
        samples("query", tested),
        samples("gallery", tested),
        **changes,
    )


@given(st.lists(labels, min_size=2, max_size=4), labels)
def test_people_and_cameras_of_different_sets_are_different(parts, tested):
    datasets = [made(f"set{place}", part, tested=tested) for place, part in enumerate(parts)]
    sets = gather(datasets)
    whole = sets.together.train
    pids, camids = {}, {}
    start = 0
    for place, dataset in enumerate(datasets):
        own = whole[start : start + len(dataset.train)]
        start += len(own)
        assert [sample.path for sample in own] == [sample.path for sample in dataset.train]
        pids[place] = {sample.pid for sample in own}
        assert len(pids[place]) == dataset.num_train_pids
        test = shifted(dataset.query, sets.shifts[place])
        camids[place] = {sample.camid for sample in (*own, *test)}
        assert len(camids[place]) == len({s.camid for s in (*dataset.train, *dataset.query)})
    assert sum(map(len, pids.values())) == len(set().union(*pids.values()))
    assert sum(map(len, camids.values())) == len(set().union(*camids.values()))
    found = sets_of(whole, sets.together.first_pids)
    assert found.tolist() == [n for n, part in enumerate(parts) for _ in part]
    assert whole[: len(parts[0])] == datasets[0].train  # the first keeps its numbers
    assert sets.tests == tuple(datasets)


def test_a_single_set_stays_as_it_is():
    dataset = made("one", [(1, 1)])
    sets = gather([dataset])
    assert sets.together is dataset
    assert sets.is_one
    assert sets_of(dataset.train, dataset.first_pids) is None


def test_what_is_known_of_each_set_is_known_of_all():
    one = made("one", [(1, 1)], terms="Cite.", notes=("odd",), left_out={"junk": 2})
    other = made("other", [(1, 1)], terms="Ask.")
    joined = gather([one, other]).together
    assert joined.name == "one + other"
    assert joined.terms == "one: Cite. other: Ask."
    assert joined.notes == ("one: odd",)
    assert joined.left_out == {"one: junk": 2}
    assert gather([one, replace(other, terms="Cite.")]).together.terms == "Cite."


def test_cameras_are_unknown_where_one_set_does_not_know_them():
    joined = gather([made("one", [(1, 1)]), made("other", [(1, 1)], cameras=False)]).together
    assert [sample.camid for sample in joined.train] == [None, None]
    assert joined.notes == ("cameras are not known in other, so training knows none of any set",)


def test_own_pictures_are_called_by_their_folders(tmp_path):
    folders = [write_people(tmp_path / name) for name in ("shop", "yard", "b/shop")]
    read = [load_dataset("folder", folder) for folder in folders]
    assert [one.name for one in gather(read[:2]).all] == ["folder shop", "folder yard"]
    assert gather(read).all[2].name == f"folder {folders[2]}"
    assert gather([read[0]]).all[0].name == "folder"
    people = load_dataset("people")
    together = [one.name for one in gather([people, read[0]]).all]
    assert together == ["people", "folder shop"]
    tested = [one.name for one in gather([people, read[0]], read[1:]).all]
    assert tested == [*together, "folder yard", f"folder {folders[2]}"]  # whatever else is tested
    assert [one.name for one in gather(read[:1], read[1:2]).all] == ["folder", "folder yard"]
    with pytest.raises(DataError, match=r"'folder .*/shop' is there twice"):
        gather([read[0], read[0]])
    again = load_dataset("folder", folders[0].parent / "shop" / ".." / "shop")
    with pytest.raises(DataError, match=r"share images, such as '.*shop"):
        gather([replace(read[0], name="mine"), again])


@pytest.mark.parametrize(
    ("trained", "tested", "message"),
    [
        ([], [], "no data set to train on"),
        (["people", "people"], [], "'people' is there twice; name it once"),
        (["people"], ["people"], "'people' is there twice"),
        (
            ["cuhk03:labeled", "people", "cuhk03:detected"],
            [],
            "cuhk03:labeled and cuhk03:detected are of one data set, so they share people",
        ),
        (["msmt17:v1"], ["msmt17:v2"], "msmt17:v1 and msmt17:v2 are of one data set"),
        (["occluded-duke"], ["dukemtmcreid:all"], "occluded-duke and dukemtmcreid:all are of one"),
        (["mine", "empty"], [], "'empty' has no training images; name it as one to test on alone"),
        (["mine"], ["untested"], "'untested' has no query and gallery to test on"),
    ],
)
def test_what_cannot_be_joined_is_refused(trained, tested, message):
    def read(name):
        ids = [] if name == "empty" else [(1, 1)]
        test = [] if name == "untested" else [(2, 1)]
        return made(name, ids, tested=test)

    with pytest.raises(DataError, match=message):
        gather([*map(read, trained)], [*map(read, tested)])


def test_a_set_to_test_on_alone_is_not_trained_on(tmp_path):
    market = load_dataset("market1501", write_market(tmp_path))
    sets = gather([made("mine", [(1, 1), (2, 1)])], [market])
    assert sets.together.name == "mine"
    assert {sample.pid for sample in sets.together.train} == {1, 2}
    assert sets.tests == (market,)
