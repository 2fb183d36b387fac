"""The reader of CUHK03, on an archive made apart from it and on broken ones."""

import shutil
import sys

import h5py
import numpy as np
import pytest
import scipy.io
from golden import DATA
from PIL import Image
from tiny import write_image

import crosscam
from crosscam.data.cuhk03 import VARIANTS
from crosscam.errors import DataError

ARCHIVE = DATA / "cuhk03"
MAT = "cuhk03_release/cuhk-03.mat"
DETECTED = "cuhk03_new_protocol_config_detected.mat"


@pytest.fixture
def archive(tmp_path):
    """A copy of the archive, to break."""
    return shutil.copytree(ARCHIVE, tmp_path / "archive")


def read(root, variant=None):
    return crosscam.load_dataset("cuhk03", root, variant=variant)


def sizes(dataset):
    return [len(split) for split in (dataset.train, dataset.query, dataset.gallery)]


def labels(samples):
    return [(sample.path.name, sample.pid, sample.camid) for sample in samples]


@pytest.mark.parametrize(
    ("variant", "name", "expected"),
    [
        (None, "cuhk03:detected", [24, 4, 10]),
        ("detected", "cuhk03:detected", [24, 4, 10]),
        ("labeled", "cuhk03:labeled", [24, 4, 12]),
    ],
)
def test_the_independent_archive(variant, name, expected):
    dataset = read(ARCHIVE, variant)
    assert dataset.name == name
    assert sizes(dataset) == expected
    assert dataset.num_train_pids == 6
    assert labels(dataset.train)[:3] == [
        ("1_001_1_01.png", 3, 1),
        ("1_001_1_02.png", 3, 1),
        ("1_001_2_06.png", 3, 2),
    ]
    assert labels(dataset.query)[-1] == ("5_002_1_01.png", 12, 1)
    assert not {s.pid for s in dataset.train} & {s.pid for s in dataset.gallery}
    assert f"{expected[0]} images to train on, published are" in " ".join(dataset.notes)


@pytest.mark.parametrize("kind", ["detected", "labeled"])
def test_cut_out_images_are_those_of_the_archive_upright_and_lossless(kind):
    people = read(ARCHIVE, kind)
    with h5py.File(ARCHIVE / MAT) as content:
        for path, *_ in (*people.train, *people.query, *people.gallery):
            pair, person, _, place = (int(part) for part in path.stem.split("_"))
            references = content[content[kind][0, pair - 1]]
            stored = content[references[place - 1, person - 1]][...]
            with Image.open(path) as image:
                assert image.size == (20, 40)
                np.testing.assert_array_equal(np.asarray(image), stored.transpose(2, 1, 0))


@pytest.mark.parametrize(
    ("variant", "expected", "tested"),
    [
        ("classic-detected:0", [30, 8, 8], {1001, 2002}),
        ("classic-detected:3", [32, 6, 6], {4001, 5002}),
        ("classic-labeled:4", [32, 8, 8], {5001, 1002}),
    ],
)
def test_classic_splits_test_all_images_of_their_people(variant, expected, tested):
    dataset = read(ARCHIVE, variant)
    assert dataset.name == f"cuhk03:{variant}"
    assert sizes(dataset) == expected
    assert dataset.query == dataset.gallery
    assert {sample.pid for sample in dataset.query} == tested
    assert dataset.num_train_pids == 8
    assert not {sample.pid for sample in dataset.train} & tested
    words = " ".join(dataset.notes)
    assert dataset.protocol == "single-shot"
    assert "8 people to train on and 2 to test on, published are 1,367 and 100" in words


@pytest.mark.slow
def test_no_query_of_a_classic_split_finds_itself():
    query = read(ARCHIVE, "classic-labeled:0").query
    pids, camids = [s.pid for s in query], [s.camid for s in query]
    own = np.eye(len(query), dtype=np.float32)
    scores = crosscam.rank(own, own, pids, pids, camids, camids)
    assert scores.num_valid_queries == len(query)
    assert scores.cmc[0] == 0  # all others are equally far, and ties count against the model
    people = np.eye(2, dtype=np.float32)[[int(pid == pids[0]) for pid in pids]]
    assert crosscam.rank(people, people, pids, pids, camids, camids).mAP == 1


def test_there_are_the_variants_that_are_documented():
    assert len(VARIANTS) == 44
    assert {VARIANTS[0], VARIANTS[4], VARIANTS[-1]} == {
        "detected",
        "classic-detected:0",
        "classic-labeled:19",
    }


@pytest.mark.parametrize("inner", ["", "cuhk03"])
@pytest.mark.parametrize("splits", ["", "cuhk03_release"])
def test_the_root_may_hold_the_archive_at_any_usual_depth(tmp_path, inner, splits):
    root = shutil.copytree(ARCHIVE, tmp_path / inner, dirs_exist_ok=True)
    (root / "Thumbs.db").write_bytes(b"\0")
    for kind in ("detected", "labeled"):
        name = f"cuhk03_new_protocol_config_{kind}.mat"
        (root / name).rename(root / splits / name)
    assert sizes(read(tmp_path)) == [24, 4, 10]
    shutil.move(root / "cuhk03_release/cuhk-03.mat", root / "cuhk-03.mat")
    assert sizes(read(tmp_path, "labeled")) == [24, 4, 12]


def test_images_that_are_cut_out_already_are_taken(archive):
    folder = read(archive).train[0].path.parent
    shutil.copytree(folder, archive / "images_detected")
    classic = read(archive, "classic-detected:1")
    (archive / MAT).rename(archive / "gone.mat")
    dataset = read(archive)
    assert sizes(dataset) == [24, 4, 10]
    assert {s.path.parent for s in dataset.train} == {archive / "images_detected"}
    assert {s.path.parent for s in classic.train} == {archive / "images_detected"}
    with pytest.raises(DataError, match=r"lacks cuhk-03.mat, which says who is in which split"):
        read(archive, "classic-detected:1")


def test_the_three_folders_of_cuhk03_np_need_no_other_file(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.io", None)
    for folder, name in (
        ("bounding_box_train", "0001_c1_1.png"),
        ("query", "0002_c1_1.png"),
        ("bounding_box_test", "0002_c2_2.png"),
    ):
        write_image(tmp_path / "cuhk03-np" / "labeled" / folder / name)
    dataset = read(tmp_path, "labeled")
    assert dataset.name == "cuhk03:labeled"
    assert sizes(dataset) == [1, 1, 1]
    with pytest.raises(DataError, match="no cuhk03 below"):
        read(tmp_path)
    shutil.rmtree(tmp_path / "cuhk03-np" / "labeled" / "query")
    with pytest.raises(DataError, match="lacks labeled/query"):
        read(tmp_path, "labeled")


def test_nothing_below_the_root(tmp_path):
    with pytest.raises(DataError) as caught:
        read(tmp_path, "labeled")
    for part in ("labeled/query", "images_labeled", "the file cuhk-03.mat in", "--root"):
        assert part in str(caught.value)


def test_a_missing_split_is_named_before_anything_is_cut_out(archive, tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSCAM_CACHE", str(tmp_path / "cache"))
    (archive / DETECTED).unlink()
    with pytest.raises(DataError, match=f"lacks {DETECTED}, which says who"):
        read(archive)
    assert not (tmp_path / "cache").exists()


def break_mat(change):
    """What applies `change` to the opened `cuhk-03.mat`."""

    def apply(file):
        with h5py.File(file, "r+") as content:
            change(content)

    return apply


def drop(key):
    return break_mat(lambda content: content.pop(key))


def odd_image(content):
    table = content[content["detected"][0, 0]]
    table[0, 0] = content.create_dataset("#refs#/odd", data=np.zeros((3, 4, 5))).ref


def odd_table(content):
    content["#refs#/short"] = content[content["detected"][0, 0]][:4]
    content["detected"][0, 0] = content["#refs#/short"].ref


def no_references(content):
    del content["detected"]
    content["detected"] = np.zeros((1, 5))


def null_reference(content):
    content["detected"][0, 0] = h5py.Reference()


def nobody_tested(content):
    content[content["testsets"][0, 0]][...] = [[1, 6], [1, 1]]


def nobody_of_that_pair(content):
    content[content["testsets"][0, 0]][...] = [[1, 1], [1, 1001]]


def endless(content):
    content[content["testsets"][0, 0]][...] = np.inf


def odd_split(content):
    content["testsets"][0, 0] = content.create_dataset("#refs#/flat", data=np.zeros(4)).ref


def few_splits(content):
    del content["testsets"]
    content["testsets"] = np.zeros((1, 0), dtype=h5py.ref_dtype)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.write_bytes(b"no HDF5" * 100), "is no whole cuhk-03.mat"),
        (lambda file: file.write_bytes(b""), "is no whole cuhk-03.mat"),
        (lambda file: file.write_bytes(file.read_bytes()[:200_000]), "truncated file"),
        (drop("detected"), r"is no whole cuhk-03.mat .*detected.*fetch it again"),
        (drop("testsets"), r"is no whole cuhk-03.mat .*testsets"),
        (break_mat(odd_image), r"float64 of shape \(3, 4, 5\) for the image 1_001_1_01.png"),
        (break_mat(odd_table), r"a table of detected of shape \(4, 2\)"),
        (break_mat(no_references), "is no whole cuhk-03.mat"),
        (break_mat(null_reference), "is no whole cuhk-03.mat"),
        (break_mat(nobody_tested), "classic split 0 tests person 1 of pair 6, who has no image"),
        (break_mat(nobody_of_that_pair), "classic split 0 tests person 1001 of pair 1, who has no"),
        (break_mat(endless), "is no whole cuhk-03.mat .*infinity"),
        (break_mat(odd_split), r"a classic split of shape \(4,\)"),
        (break_mat(few_splits), "0 classic splits, none of number 0"),
    ],
)
def test_a_broken_archive_is_refused(archive, tmp_path, monkeypatch, change, message):
    monkeypatch.setenv("CROSSCAM_CACHE", str(tmp_path / "cache"))
    change(archive / MAT)
    with pytest.raises(DataError, match=message) as caught:
        read(archive, "classic-detected:0")
    assert str(archive / MAT) in str(caught.value)
    assert not list((tmp_path / "cache").rglob("*crosscam-tmp*"))


def changed_split(file, **changes):
    content = {key: value for key, value in scipy.io.loadmat(file).items() if key[0] != "_"}
    scipy.io.savemat(file, {**content, **changes})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.write_bytes(b"nothing"), "is no whole split of CUHK03"),
        (lambda file: file.write_bytes(file.read_bytes()[:900]), "is no whole split of CUHK03"),
        (lambda file: scipy.io.savemat(file, {"labels": [1]}), "is no whole split .*filelist"),
        (lambda file: changed_split(file, train_idx=[1, 39]), "train_idx has image 39 of 38"),
        (lambda file: changed_split(file, query_idx=[0]), "query_idx has image 0 of 38"),
        (lambda file: changed_split(file, gallery_idx=[]), "gallery_idx has no images"),
        (lambda file: changed_split(file, labels=[1, 2]), "38 names for 2 labels"),
        (
            lambda file: changed_split(file, filelist=np.array(["9_001_1_01.png"] * 38, object)),
            "names 9_001_1_01.png, which is not in .*do not belong together",
        ),
        (
            lambda file: changed_split(file, filelist=np.array(["../secret.png"] * 38, object)),
            "names ../secret.png, which is not in",
        ),
    ],
)
def test_a_broken_split_is_refused(archive, change, message):
    change(archive / DETECTED)
    with pytest.raises(DataError, match=message):
        read(archive)


@pytest.mark.parametrize(
    ("module", "variant"),
    [("scipy.io", "detected"), ("h5py", "detected"), ("h5py", "classic-labeled:0")],
)
def test_a_missing_part_says_how_to_install_it(tmp_path, monkeypatch, module, variant):
    monkeypatch.setenv("CROSSCAM_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DataError, match=r"without (scipy|h5py); pip install 'crosscam\[mat\]'"):
        read(ARCHIVE, variant)


def test_other_data_sets_need_neither_part(monkeypatch):
    for module in ("h5py", "scipy", "scipy.io"):
        monkeypatch.setitem(sys.modules, module, None)
    assert crosscam.load_dataset("msmt17", DATA / "msmt17", variant="v1").train
