"""The readers of VIPeR, GRID, PRID 2011, i-LIDS, CUHK02, CUHK-SYSU and Occluded-Duke.

On small archives made apart from them, in the released layout. On archives of full size, of empty
files, the people, cameras and splits of the first six were compared with Torchreid's readers
(KaiyangZhou/deep-person-reid, f8cd150), whose random draws were replaced by ours: all were equal.
"""

import hashlib
import shutil

import numpy as np
import pytest
from golden import DATA
from tiny import write_image

import crosscam
from crosscam.data.random_splits import shuffled
from crosscam.errors import DataError

OCCLUDED = "Occluded_Duke"


def load(name, variant=None):
    return crosscam.load_dataset(name, DATA / name, variant=variant)


def labels(samples):
    return [(sample.pid, sample.camid) for sample in samples]


@pytest.fixture
def copied(tmp_path):
    """Copies an archive, to break."""
    return lambda name: shutil.copytree(DATA / name, tmp_path / name)


@pytest.mark.parametrize(
    ("name", "variant", "trained", "images", "query", "gallery"),
    [
        ("occluded-duke", None, {2, 16}, 3, [(5, 2), (27, 3)], [(5, 4), (27, 8), (7003, 6)]),
        ("cuhk-sysu", None, {1, 12, 11422}, 6, [], []),
        (
            *("cuhk02", None, {10001, 10002, 20001, 30003, 40001}, 20),
            *([(50001, 9)] * 2 + [(50007, 9)] * 2, [(50001, 10)] * 2 + [(50007, 10)] * 2),
        ),
        (
            *("cuhk02", "all", {10001, 10002, 20001, 30003, 40001, 50001, 50007}, 28),
            *([], []),
        ),
        ("viper", "3", {3, 7, 872}, 6, [(0, 1), (1, 1), (12, 1)], [(0, 2), (1, 2), (12, 2)]),
        (
            *("prid", "2", {3, 4}, 4, [(1, 1), (2, 1)]),
            [(1, 2), (2, 2), (201, 2), (202, 2), (203, 2)],
        ),
        ("ilids", "1", {1, 2}, 6, [(3, None), (4, None), (119, None)], None),
        ("grid", "4", {2, 4}, 4, [(1, 1), (3, 5)], [(0, 1), (0, 8), (1, 2), (3, 7)]),
    ],
)
def test_the_independent_archives(name, variant, trained, images, query, gallery):
    dataset = load(name, variant)
    assert dataset.name == (name if variant is None else f"{name}:{variant}")
    assert {sample.pid for sample in dataset.train} == trained
    assert len(dataset.train) == images
    assert labels(dataset.query) == query
    assert labels(dataset.gallery) == (query if gallery is None else gallery)
    assert all(s.path.is_file() for s in (*dataset.train, *dataset.query, *dataset.gallery))
    assert not {s.path for s in dataset.query} & {s.path for s in dataset.gallery}


@pytest.mark.parametrize("name", ["grid", "ilids", "prid", "viper"])
def test_there_are_ten_splits_of_which_the_first_is_read_if_none_is_named(name):
    splits = [load(name, str(split)) for split in range(10)]
    assert load(name) == splits[0]
    assert len({frozenset(sample.pid for sample in split.train) for split in splits}) > 4
    for split in splits:
        tested = {sample.pid for sample in split.query}
        assert tested <= {sample.pid for sample in split.gallery}
        assert not tested & {sample.pid for sample in split.train}
        assert "published figures are means over" in split.notes[0]
    with pytest.raises(DataError, match="no variant '10'; its variants are 0 to 9"):
        load(name, "10")


def test_random_splits_are_drawn_by_a_rule_that_anyone_can_follow():
    def digest(text):
        return hashlib.sha256(text.encode()).hexdigest()

    people = sorted([0, 1, 3, 7, 12, 872], key=lambda pid: digest(f"viper/5/{pid}"))
    assert {sample.pid for sample in load("viper", "5").train} == set(people[:3])
    names = sorted(
        (f"0003{shot:03}.jpg" for shot in (1, 2, 3)), key=lambda n: digest(f"ilids/1/{n}")
    )
    found = load("ilids", "1")
    assert [found.query[0].path.name, found.gallery[0].path.name] == names[:2]
    assert shuffled(range(5), name="x", split=0) == shuffled([4, 3, 2, 1, 0], name="x", split=0)


def test_what_is_left_out_is_said():
    assert load("prid").left_out == {"images of people whom camera A alone saw": 2}
    assert load("ilids", "1").left_out == {"further images of the people to test with": 2}
    assert load("ilids").protocol == "no-cameras"
    assert load("ilids").notes[1] == "5 people in 14 images, published are 119 in 476"
    assert "6 images to train on, published are 632" in load("viper", "7").notes
    assert "withdrawn by its authors in 2019" in load("occluded-duke").notes[0]


@pytest.mark.parametrize(
    ("name", "variant", "source", "people", "left_out"),
    [
        ("market1501", "all", None, 5, {"junk images (pid -1)": 2, "distractors (pid 0)": 1}),
        ("dukemtmcreid", "all", None, 6, {}),
        ("msmt17", "v1+all", "v1+val", 4, {}),
        ("cuhk03", "labeled+all", "labeled", 10, {}),
    ],
)
def test_all_people_can_be_trained_on(name, variant, source, people, left_out):
    everyone, before = load(name, variant), load(name, source)
    assert everyone.name == f"{name}:{variant}"
    assert everyone.num_train_pids == people
    assert (everyone.query, everyone.gallery) == ((), ())
    assert everyone.left_out == left_out
    kept = [s for s in (*before.query, *before.gallery) if s.pid != 0 or name == "msmt17"]
    assert [s.path for s in everyone.train] == [s.path for s in (*before.train, *kept)]
    people_by_label = {}
    for sample in everyone.train:
        split = "train" if sample in before.train else "test"
        people_by_label.setdefault(sample.pid, set()).add(split)
    assert all(len(splits) == 1 for splits in people_by_label.values())


def test_people_who_are_all_trained_on_have_no_queries_to_pool():
    with pytest.raises(DataError, match="market1501:all has no queries; leave multi-query out"):
        crosscam.load_dataset("market1501", DATA / "market1501", variant="all", multi_query=True)


def test_occluded_duke_and_duke_are_told_apart_by_their_folders(tmp_path):
    shutil.copytree(DATA / "occluded-duke", tmp_path, dirs_exist_ok=True)
    shutil.copytree(DATA / "dukemtmcreid", tmp_path, dirs_exist_ok=True)
    occluded = crosscam.load_dataset("occluded-duke", tmp_path)
    assert {sample.path.parts[-3] for sample in occluded.train} == {OCCLUDED}
    whole = crosscam.load_dataset("dukemtmcreid", tmp_path)
    assert {sample.path.parts[-3] for sample in whole.train} == {"DukeMTMC-reID"}
    with pytest.raises(DataError, match=f"{OCCLUDED} is Occluded-Duke by its name; read it with"):
        crosscam.load_dataset("dukemtmcreid", tmp_path / OCCLUDED)
    with pytest.raises(DataError, match=r"no 'occluded' in its name, .* --data dukemtmcreid"):
        crosscam.load_dataset("occluded-duke", tmp_path / "DukeMTMC-reID")


def test_they_are_told_apart_by_the_folder_that_one_stands_in(tmp_path, monkeypatch):
    shutil.copytree(DATA / "occluded-duke", tmp_path, dirs_exist_ok=True)
    shutil.copytree(DATA / "dukemtmcreid", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path / OCCLUDED)
    assert crosscam.load_dataset("occluded-duke", ".").train
    with pytest.raises(DataError, match="is Occluded-Duke by its name"):
        crosscam.load_dataset("dukemtmcreid", ".")
    monkeypatch.chdir(tmp_path / "DukeMTMC-reID")
    with pytest.raises(DataError, match="no 'occluded' in its name"):
        crosscam.load_dataset("occluded-duke", ".")
    assert crosscam.load_dataset("dukemtmcreid", ".").train


@pytest.mark.parametrize("name", sorted(set(crosscam.list_datasets()) - {"folder", "people"}))
def test_all_archives_may_lie_below_one_folder(name):
    variant = {"msmt17": "v1"}.get(name)
    dataset = crosscam.load_dataset(name, DATA, variant=variant)
    assert dataset.train == load(name, variant).train


@pytest.mark.parametrize(
    ("name", "lost", "message"),
    [
        ("cuhk-sysu", "cuhk_sysu/cropped_images", "no cuhk-sysu below .*folders cropped_images"),
        ("cuhk02", "Dataset/P3/cam2", "cuhk02 in .*Dataset lacks P3/cam2; unpack the whole"),
        ("viper", "VIPeR/cam_b", "viper in .*VIPeR lacks cam_b; unpack the whole"),
        ("prid", "prid_2011/single_shot/cam_a", "prid in .*prid_2011 lacks single_shot/cam_a"),
        ("ilids", "i-LIDS_Pedestrian/Persons", "no ilids below .*looked for the folders Persons"),
        ("grid", "underground_reid/gallery", "grid in .*underground_reid lacks gallery"),
        ("occluded-duke", f"{OCCLUDED}/query", f"occluded-duke in .*{OCCLUDED} lacks query"),
    ],
)
def test_half_an_archive_says_what_is_missing(copied, name, lost, message):
    root = copied(name)
    shutil.rmtree(root / lost)
    with pytest.raises(DataError, match=message):
        crosscam.load_dataset(name, root)


@pytest.mark.parametrize(
    ("name", "folder", "file", "example"),
    [
        ("cuhk-sysu", "cuhk_sysu/cropped_images", "s1_1.jpg", "p11422_s16929_1.jpg"),
        ("cuhk02", "Dataset/P1/cam1", "first.png", "001_0501.png"),
        ("viper", "VIPeR/cam_a", "a_1.bmp", "000_45.bmp"),
        ("prid", "prid_2011/single_shot/cam_b", "0001.png", "person_0001.png"),
        ("ilids", "i-LIDS_Pedestrian/Persons", "1_1.jpg", "0001002.jpg"),
        ("grid", "underground_reid/probe", "0001_1.jpeg", "0001_1_25004_107_32_106_221.jpeg"),
        ("occluded-duke", f"{OCCLUDED}/query", "0001_c1s1_000151_00.jpg", "0005_c2_f0046985"),
    ],
)
def test_a_misnamed_image_is_refused_by_name(copied, name, folder, file, example):
    root = copied(name)
    write_image(root / folder / file)
    with pytest.raises(DataError, match=f"misnamed image .*{file}.*{example}"):
        crosscam.load_dataset(name, root)


@pytest.mark.parametrize(
    ("name", "folder", "lost", "made", "message"),
    [
        (
            "viper",
            "VIPeR/cam_b",
            "007_90.bmp",
            None,
            "has person 7 in one of cam_a and cam_b alone",
        ),
        (
            "viper",
            "VIPeR/cam_b",
            None,
            "007_0.bmp",
            "person 7 is twice in .*cam_b, the second time",
        ),
        ("prid", "prid_2011/single_shot/cam_a", "person_0002.png", None, "person 2 in one camera"),
        ("ilids", "i-LIDS_Pedestrian/Persons", "0002002.jpg", None, "one image alone of person 2"),
        (
            "grid",
            "underground_reid",
            "features_and_partitions.mat",
            None,
            "lacks features_and_part",
        ),
        (
            *("grid", "underground_reid/probe", "0002_3_25004_107_32_106_202.jpeg", None),
            "trains on person 2, who has no image in .*probe",
        ),
    ],
)
def test_people_without_their_images_are_named(copied, name, folder, lost, made, message):
    root = copied(name)
    if lost:
        (root / folder / lost).unlink()
    if made:
        write_image(root / folder / made)
    with pytest.raises(DataError, match=message):
        crosscam.load_dataset(name, root)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"trainIdxAll": np.zeros((1, 0))}, "has no split 0 of GRID"),
        ({"trainIdxAll": np.ones((1, 10))}, "has no split 0 of GRID"),
        ({"other": np.ones(1)}, "has no split 0 of GRID"),
        (None, "has no split 0 of GRID"),
        ("nobody", "split 0 trains on nobody"),
    ],
)
def test_splits_of_grid_that_are_none_are_refused(copied, content, message):
    scipy_io = pytest.importorskip("scipy.io")
    root = copied("grid")
    file = root / "underground_reid" / "features_and_partitions.mat"
    if content is None:
        file.write_bytes(b"\0" * 200)
    elif content == "nobody":
        cells = np.empty((1, 1), dtype=object)
        cells[0, 0] = {"personIdx": np.zeros((1, 0))}
        scipy_io.savemat(file, {"trainIdxAll": cells})
    else:
        scipy_io.savemat(file, content)
    with pytest.raises(DataError, match=message):
        crosscam.load_dataset("grid", root)
