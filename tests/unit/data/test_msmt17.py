"""The reader of MSMT17, both versions, on archives made apart from it and on broken ones."""

import shutil

import pytest
from golden import DATA

import crosscam
from crosscam.errors import DataError

BOTH = DATA / "msmt17"
TRAIN = {"v1": "train", "v2": "mask_train_v2"}


@pytest.fixture
def archive(tmp_path):
    """A copy of version 1, to break."""
    return shutil.copytree(BOTH / "MSMT17_V1", tmp_path / "MSMT17_V1")


def sizes(dataset):
    return [len(split) for split in (dataset.train, dataset.query, dataset.gallery)]


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize(("val", "images"), [("", 3), ("+val", 4)])
def test_the_independent_archives(version, val, images):
    dataset = crosscam.load_dataset("msmt17", BOTH, variant=version + val)
    assert dataset.name == f"msmt17:{version}{val}"
    assert sizes(dataset) == [images, 1, 2]
    labels = [(s.pid, s.camid) for s in dataset.train]
    assert labels == [(0, 1), (0, 7), (1, 15), (1, 2)][:images]
    assert [(s.pid, s.camid) for s in dataset.query] == [(0, 1)]
    assert [(s.pid, s.camid) for s in dataset.gallery] == [(0, 14), (1, 3)]
    assert {sample.path.parts[-3] for sample in dataset.train} == {TRAIN[version]}
    assert all(sample.path.is_file() for sample in (*dataset.train, *dataset.gallery))


def test_it_is_always_said_whether_val_was_trained_on():
    without = crosscam.load_dataset("msmt17", BOTH, variant="v1")
    assert without.notes[0] == "trains on list_train.txt alone, without list_val.txt"
    with_it = crosscam.load_dataset("msmt17", BOTH, variant="v1+val")
    assert with_it.notes[0].startswith("trains on list_val.txt too: 1 of its 4 images")
    assert "4 images to train on, published are 32,621" in with_it.notes


def test_two_versions_and_none_named_are_refused():
    for variant in (None, "+val"):
        with pytest.raises(DataError, match=r"both versions .*MSMT17_V1 and .*--data msmt17:v1"):
            crosscam.load_dataset("msmt17", BOTH, variant=variant)


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("variant", [None, "+val"])
def test_the_only_version_need_not_be_named(version, variant):
    root = BOTH / f"MSMT17_{version.upper()}"
    dataset = crosscam.load_dataset("msmt17", root, variant=variant)
    assert dataset.name == f"msmt17:{version}{variant or ''}"


@pytest.mark.parametrize("inner", ["", "MSMT17", "msmt17/MSMT17_V1", "a/MSMT17_V1/MSMT17_V1"])
def test_the_root_may_be_any_of_three_folders_above(tmp_path, inner):
    shutil.copytree(BOTH / "MSMT17_V1", tmp_path / inner, dirs_exist_ok=True)
    (tmp_path / inner / "train" / "Thumbs.db").write_bytes(b"\0")
    for variant in (None, "v1"):
        assert sizes(crosscam.load_dataset("msmt17", tmp_path, variant=variant)) == [3, 1, 2]


def test_other_folders_named_train_and_test_are_passed_over(archive):
    for name in ("train", "test"):
        (archive.parent / "imagenet" / name).mkdir(parents=True)
    assert sizes(crosscam.load_dataset("msmt17", archive.parent)) == [3, 1, 2]


@pytest.mark.parametrize(("encoding", "mark"), [("utf-16", ""), ("utf-8", "\ufeff")])
def test_lists_may_come_from_another_system(archive, encoding, mark):
    before = crosscam.load_dataset("msmt17", archive)
    for file in archive.glob("list_*.txt"):
        text = file.read_text().replace("/", "\\").replace("\n", "\r\n")
        file.write_bytes((mark + text).encode(encoding))
    assert crosscam.load_dataset("msmt17", archive) == before


def test_the_other_version_is_not_taken_for_the_one_named(archive):
    with pytest.raises(DataError, match="no msmt17 below .*looked for the folders mask_train_v2"):
        crosscam.load_dataset("msmt17", archive, variant="v2")


@pytest.mark.parametrize("variant", [None, "v1"])
def test_half_an_archive_says_what_is_missing(archive, variant):
    shutil.rmtree(archive / "test")
    with pytest.raises(DataError, match="msmt17 in .*MSMT17_V1 lacks test;"):
        crosscam.load_dataset("msmt17", archive.parent, variant=variant)


def test_no_archive_at_all(tmp_path):
    with pytest.raises(DataError, match="folders train, test, or mask_train_v2, mask_test_v2 in"):
        crosscam.load_dataset("msmt17", tmp_path)


@pytest.mark.parametrize("split", ["train", "val", "query", "gallery"])
def test_a_missing_list_is_named(archive, split):
    (archive / f"list_{split}.txt").unlink()
    with pytest.raises(DataError, match=f"MSMT17_V1 lacks list_{split}.txt"):
        crosscam.load_dataset("msmt17", archive, variant="+val")


def test_the_list_of_val_is_not_needed_without_val(archive):
    (archive / "list_val.txt").unlink()
    assert sizes(crosscam.load_dataset("msmt17", archive)) == [3, 1, 2]


def test_a_list_that_names_what_is_not_there(archive):
    (archive / "train/0001/0001_000_15_0303afternoon_0030_1.jpg").unlink()
    with pytest.raises(DataError, match=r"list_train.txt, line 3 names .*_0030_1.jpg, which is"):
        crosscam.load_dataset("msmt17", archive)


@pytest.mark.parametrize(
    "line",
    [
        "0000/0000_000_01_0303morning_0008_0.jpg",
        "0000_000_01_0303morning_0008_0.jpg 0",
        "0000/0000_000_01_0303morning_0008_0.jpg x",
        "../0000_000_01_0303morning_0008_0.jpg 0",
        "0000/0000_000.jpg 0",
        "0000/0000_000_01_0303morning_0008_0.jpg " + "9" * 5000,
    ],
)
def test_a_line_that_is_none_is_refused_by_number(archive, line):
    with (archive / "list_query.txt").open("a") as file:
        file.write(f"\r\n\r\n{line}\r\n")
    with pytest.raises(DataError, match=r"list_query.txt, line \d: '.*is not like '0000/0000_"):
        crosscam.load_dataset("msmt17", archive)


@pytest.mark.parametrize(
    ("content", "message"), [(b"\n", "names no images"), (b"\xff\xfe0\0\0", "cannot read .*utf-16")]
)
def test_an_empty_or_unreadable_list_is_refused(archive, content, message):
    (archive / "list_gallery.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        crosscam.load_dataset("msmt17", archive)
