"""Data sets by name, the built-in people, fingerprints and held-out people."""

import pytest
from PIL import Image
from tiny import write_market

import crosscam
from crosscam.data.fingerprint import combined, fingerprint
from crosscam.data.holdout import hold_out
from crosscam.data.registry import people_of, withdrawn
from crosscam.errors import DataError


@pytest.fixture(scope="module")
def people():
    return crosscam.load_dataset("people")


def test_the_built_in_people_are_as_documented(people):
    assert [len(s) for s in (people.train, people.query, people.gallery)] == [1264, 374, 983]
    assert people.num_train_pids == 100
    assert {s.camid for s in people.gallery} == {1, 2, 3, 4, 5, 6}
    assert sum(sample.pid == 0 for sample in people.gallery) == 120
    assert people.left_out == {"junk images (pid -1)": 60}
    assert not {s.pid for s in people.train} & {s.pid for s in (*people.query, *people.gallery)}
    with Image.open(people.query[0].path) as image:
        assert image.size == (64, 128)


def test_the_built_in_people_fit_into_the_package(people):
    folder = people.train[0].path.parents[1]
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert size <= 8_000_000


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (
            ("nope",),
            {},
            (
                "known are cuhk-sysu, cuhk02, cuhk03, dukemtmcreid, folder, grid, ilids, "
                "ltcc, market1501, msmt17, occluded-duke, people, prcc, prid, viper"
            ),
        ),
        (("people",), {"variant": "big"}, "no variant 'big'; it has none"),
        (("msmt17", "."), {"variant": "v3"}, r"v1, v2, v1\+val, v2\+val, v1\+all, v2\+all, "),
        (
            ("cuhk03", "."),
            {"variant": "classic-detected:20"},
            r"labeled\+all, classic-detected:0 to classic-detected:19, classic-labeled:0 to",
        ),
        (("people", "/tmp"), {}, "is built in; leave --root out"),
        (("market1501",), {}, "say where it is with --root DIR"),
    ],
)
def test_what_is_no_data_set_is_refused(arguments, settings, message):
    with pytest.raises(DataError, match=message):
        crosscam.load_dataset(*arguments, **settings)


def test_a_fingerprint_knows_files_and_labels_but_not_their_folder(tmp_path):
    one = crosscam.load_dataset("market1501", write_market(tmp_path / "a"))
    other = crosscam.load_dataset("market1501", write_market(tmp_path / "b"))
    before = fingerprint(one)
    assert fingerprint(other) == before
    with other.query[0].path.open("ab") as file:
        file.write(b"\0")
    assert fingerprint(other) != before
    first = one.train[0].path
    first.rename(first.with_name("0099_c1s1_000001_00.jpg"))
    renamed = crosscam.load_dataset("market1501", tmp_path / "a")
    assert fingerprint(renamed) not in {before, fingerprint(other)}


def test_held_out_people_are_not_trained_on(people):
    split = hold_out(people.train, share=0.2, seed=3, name="held out")
    held = {sample.pid for sample in split.query}
    assert len(held) == 20
    assert not held & {sample.pid for sample in split.train}
    assert {*split.train, *split.query, *split.gallery} == set(people.train)
    asked = [(sample.pid, sample.camid) for sample in split.query]
    assert len(asked) == len(set(asked))
    assert split == hold_out(people.train, share=0.2, seed=3, name="held out")
    assert split != hold_out(people.train, share=0.2, seed=4, name="held out")


def test_people_without_cameras_can_be_held_out(people):
    samples = [sample._replace(camid=None) for sample in people.train]
    split = hold_out(samples, share=0.2, seed=0, name="held out")
    assert len(split.query) == len({sample.pid for sample in split.query}) == 20


def test_people_seen_by_one_camera_cannot_be_chosen_by(people):
    samples = [sample._replace(camid=1) for sample in people.train]
    with pytest.raises(DataError, match="hold out more of them, or keep the last epoch"):
        hold_out(samples, share=0.2, seed=0, name="held out")


def test_too_few_people_to_hold_out_are_refused(people):
    few = [sample for sample in people.train if sample.pid in (people.train[0].pid, 3)]
    with pytest.raises(DataError, match="each side needs 2"):
        hold_out(few, share=0.5, seed=0, name="held out")


def test_several_data_sets_have_a_fingerprint_and_a_single_one_its_own():
    assert combined(["a"]) == "a"
    found = {combined(["a", "b"]), combined(["b", "a"]), combined(["a", "b", "b"])}
    assert len(found) == 3
    assert {len(one) for one in found} == {16}


def test_it_is_known_which_data_sets_were_withdrawn():
    assert "withdrawn by its authors in 2019" in withdrawn("dukemtmcreid:all")
    assert withdrawn("occluded-duke") == withdrawn("dukemtmcreid")
    assert withdrawn("people") == withdrawn("mine") == ""


def test_whose_people_a_set_has():
    assert people_of("occluded-duke") == people_of("dukemtmcreid:all") == "dukemtmcreid"
    assert people_of("market1501:all") == "market1501"
    assert people_of("folder shop") == "folder shop"
