"""The data set of own pictures, by folders, by names, by a table, split and not."""

import pytest
from tiny import write_image, write_people

import crosscam
from crosscam.data.exclusion import without_listed
from crosscam.data.folder import split_pictures
from crosscam.data.own_pictures import find_pictures
from crosscam.data.tables import write_table
from crosscam.errors import DataError

SPLITS = ("train", "query", "gallery")


def labels(dataset):
    """For every split the names of its files with their labels."""
    return {
        split: [(s.path.parts[-2:], s.pid, s.camid) for s in getattr(dataset, split)]
        for split in SPLITS
    }


def counts(dataset):
    return [len(getattr(dataset, split)) for split in SPLITS]


def test_one_folder_a_person_without_cameras(tmp_path):
    dataset = crosscam.load_dataset("folder", write_people(tmp_path, people=6, each=4))
    assert counts(dataset) == [12, 3, 9]
    assert dataset.name == "folder"
    assert all(sample.camid is None for sample in (*dataset.train, *dataset.gallery))
    assert {int(sample.path.parent.name) for sample in dataset.train} == {
        sample.pid for sample in dataset.train
    }
    assert dataset.left_out == {}
    (note,) = dataset.notes
    assert "nothing says how these pictures are split" in note
    assert "crosscam data split" in note


def test_names_by_a_pattern_with_cameras(tmp_path):
    for person in ("ann", "bob", "cy", "dee"):
        for camera in ("door", "hall"):
            for shot in range(2):
                write_image(tmp_path / "x" / f"{person}_{camera}_{shot}.JPG")
    dataset = crosscam.load_dataset("folder", tmp_path, pattern="x/{pid}_{camid}_*.jpg")
    assert counts(dataset) == [8, 4, 4]
    for sample in (*dataset.train, *dataset.query):
        person, camera, _ = sample.path.name.split("_")
        assert sample.pid == 1 + ["ann", "bob", "cy", "dee"].index(person)
        assert sample.camid == 1 + ["door", "hall"].index(camera)
    assert dataset.notes[:2] == (
        "people were numbered in the order of their names: 1 is ann, 2 is bob, 3 is cy, 4 is dee",
        "cameras were numbered in the order of their names: 1 is door, 2 is hall",
    )


def test_pictures_that_do_not_match_are_left_out_and_noted(tmp_path):
    root = write_people(tmp_path)
    write_image(root / "montage.png")
    write_image(root / "1" / "more" / "1.jpg")
    dataset = crosscam.load_dataset("folder", root)
    assert dataset.left_out == {"images that do not match {pid}/*": 2}
    assert dataset.notes[0] == (
        "2 of 26 images do not match {pid}/* and are left out, the first is 1/more/1.jpg"
    )
    assert counts(dataset) == [12, 3, 9]


def test_junk_and_distractors_are_what_they_are_elsewhere(tmp_path):
    root = write_people(tmp_path, people=4)
    for name in ("-1/1.jpg", "0/1.jpg", "0/2.jpg"):
        write_image(root / name)
    dataset = crosscam.load_dataset("folder", root)
    assert dataset.left_out == {"junk images (pid -1)": 1}
    assert sum(sample.pid == 0 for sample in dataset.gallery) == 2
    assert not any(sample.pid <= 0 for sample in (*dataset.train, *dataset.query))
    assert any(note.startswith("person 0 stands for distractors") for note in dataset.notes)


def make_unlike(folder):
    """No file below it has the bytes that it had before."""
    for path in folder.rglob("*.*"):
        path.write_bytes(path.read_bytes() + b"\0")


@pytest.mark.parametrize("names", ["{person}/{shot}.jpg", "{person}_c{shot}_1.png"])
def test_a_tree_that_is_split_is_taken_so(tmp_path, names):
    pattern = None if "/" in names else "{pid}_c{camid}_*"
    write_people(tmp_path / "train", people=3, names=names)
    for split, each in (("query", 1), ("gallery", 2)):
        write_people(tmp_path / split, people=2, each=each, names=f"9{names}")
    make_unlike(tmp_path / "query")
    dataset = crosscam.load_dataset("folder", tmp_path, pattern=pattern)
    assert counts(dataset) == [12, 2, 4]
    assert {sample.pid for sample in dataset.train} == {1, 2, 3}
    assert {sample.pid for sample in (*dataset.query, *dataset.gallery)} == {91, 92}
    assert {sample.camid for sample in dataset.gallery} == ({0, 1} if pattern else {None})
    assert dataset.notes == ()


def test_what_lies_beside_the_splits_and_people_in_both_are_noted(tmp_path):
    for split in (*SPLITS, "val", ".git"):
        write_people(tmp_path / split, people=2)
    dataset = crosscam.load_dataset("folder", tmp_path)
    assert dataset.notes[0].endswith(f"{tmp_path} holds val, not read")
    assert dataset.notes[1].startswith("people who are both trained on and tested with: 2, the")


def test_a_tree_for_testing_alone(tmp_path):
    for split in ("query", "gallery"):
        write_people(tmp_path / split, people=2)
    assert counts(crosscam.load_dataset("folder", tmp_path)) == [0, 8, 8]


def table_of(root, table, **options):
    own = find_pictures(root, **options)
    write_table(table, split_pictures(own, train=0.5, seed=0).pictures)
    return table


@pytest.mark.parametrize("pattern", [None, "{pid}/{camid}-*.jpg", "p{pid}/{camid}-*.jpg"])
def test_a_table_of_the_split_gives_equal_samples(tmp_path, pattern):
    names = (
        "p{person} ä/{shot}-1.jpg" if pattern != "{pid}/{camid}-*.jpg" else "{person}/{shot}-.jpg"
    )
    root = write_people(tmp_path / "root", names=names)
    write_image(root / "-1" / "1-2.jpg")
    table = table_of(root, tmp_path / "t.csv", pattern=pattern)
    first = crosscam.load_dataset("folder", root, pattern=pattern)
    again = crosscam.load_dataset("folder", root, table=table)
    for split in SPLITS:
        assert getattr(first, split) == getattr(again, split)
    assert not any("nothing says" in note for note in again.notes)
    header, *lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([header, *reversed(lines)]), encoding="utf-8")
    assert crosscam.load_dataset("folder", root, table=table) == again


def test_a_table_that_was_edited(tmp_path):
    root = write_people(tmp_path / "root")
    table = table_of(root, tmp_path / "t.csv")
    first = crosscam.load_dataset("folder", root, table=table)
    lines = table.read_text().splitlines()
    place = next(i for i, line in enumerate(lines) if line.endswith("train"))
    lines[place] = lines[place].replace("train", "ignore")
    table.write_text("\n".join(lines))
    edited = crosscam.load_dataset("folder", root, table=table)
    assert edited.train == first.train[1:]
    assert edited.left_out == {"images that the table ignores": 1}


def test_a_table_without_splits_is_split_by_the_rule(tmp_path):
    root = write_people(tmp_path / "root")
    lines = [f"{person}/{shot:03}.jpg,p{person}" for person in range(1, 7) for shot in range(4)]
    (tmp_path / "t.csv").write_text("\n".join(["path,pid", *lines]))
    assert counts(crosscam.load_dataset("folder", root, table=tmp_path / "t.csv")) == [12, 3, 9]


def test_images_may_be_excluded(tmp_path):
    dataset = crosscam.load_dataset("folder", write_people(tmp_path / "root"))
    name = "/".join(dataset.gallery[0].path.parts[-2:])
    (tmp_path / "list.txt").write_text(name)
    assert without_listed(dataset, tmp_path / "list.txt").gallery == dataset.gallery[1:]


def test_folders_whose_names_are_one_number_are_noted(tmp_path):
    root = write_people(tmp_path, people=4)
    write_image(root / "001" / "1.jpg", 7)
    dataset = crosscam.load_dataset("folder", root)
    assert dataset.notes[0] == (
        "people whose names are the same number are one: 001 and 1; rename them if they are not"
    )
    assert sum(sample.pid == 1 for part in SPLITS for sample in getattr(dataset, part)) == 5


def test_person_0_in_a_split_is_noted(tmp_path):
    for split in SPLITS:
        write_people(tmp_path / split, people=2, each=2, names=split + "{shot}_{person}.jpg")
    make_unlike(tmp_path / "query")
    lines = ["path,pid,split"]
    for split in SPLITS:
        files = sorted((tmp_path / split).iterdir())
        lines += [f"{split}/{file.name},{int(file.stem[-1]) - 1},{split}" for file in files]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    dataset = crosscam.load_dataset("folder", tmp_path, table=tmp_path / "t.csv")
    assert counts(dataset) == [4, 4, 4]
    assert dataset.notes[0].startswith("person 0 is trained on and searched for, as the split says")


def test_pictures_of_kinds_that_are_not_read_are_counted_and_named(tmp_path):
    root = write_people(tmp_path, people=4, names="{person}/{shot}.JPG")
    for name in ("1/a.HEIC", "2/b.heic", "2/c.dng", "2/readme.txt"):
        (root / name).touch()
    for name in ("1/x.tif", "1/x.gif", "1/x.avif", "1/x.jfif"):
        write_image(root / name)
    dataset = crosscam.load_dataset("folder", root)
    assert sum(counts(dataset)) == 4 * 4 + 4
    assert dataset.left_out == {"images of kinds that are not read": 3}
    assert dataset.notes[0] == (
        "images of kinds that are not read are left out: 1 .dng, 2 .heic, the first is 1/a.HEIC; "
        "convert them to JPEG or PNG"
    )


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["a/1.heic"], {}, "are left out: 1 .heic, the first is a/1.heic; convert them"),
        ([], {}, "no images below {root}: looked for names that end in .jpg"),
        (["readme.txt"], {}, "no images below {root}"),
        (
            ["a.jpg", "b.jpg"],
            {},
            "none of the 2 images below {root} lies in a folder of its person",
        ),
        (["b/c/1.jpg"], {}, "as PERSON/NAME.jpg; the first is b/c/1.jpg; say how they are named"),
        (["a/1.jpg"], {"pattern": "{pid}_*"}, "matches {pid}_*; the first is a/1.jpg"),
        (["a/1.jpg"], {"pattern": "*"}, "has no {pid}"),
        (["a/1.jpg"], {"pattern": "{pid}/*", "table": "t.csv"}, "leave the pattern out"),
        (["a/1.jpg"], {"table": "t.csv"}, "cannot read the table t.csv"),
        (["a/1.jpg", "a/2.jpg"], {}, "a share of 0.5 of 1 people leaves 1 to train on and 0 to"),
        (["query/1/1.jpg", "a/1.jpg"], {}, "a folder query, but none named gallery"),
        (["train/1/1.jpg"], {}, "a folder train, but none named query and gallery"),
        (["train/x.txt", "query/1/1.jpg", "gallery/1/1.jpg"], {}, "no images below {root}/train"),
        (["train/x.jpg", "query/1/1.jpg", "gallery/1/1.jpg"], {}, "below {root}/train lies in"),
    ],
)
def test_what_is_no_data_set_is_refused(tmp_path, names, options, message):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(DataError) as caught:
        crosscam.load_dataset("folder", tmp_path, **options)
    assert message.replace("{root}", str(tmp_path)) in str(caught.value)


def test_a_root_that_is_none(tmp_path):
    with pytest.raises(DataError, match=r"the root of folder does not exist: .*/gone"):
        crosscam.load_dataset("folder", tmp_path / "gone")
    with pytest.raises(DataError, match="is a file, not a folder"):
        crosscam.load_dataset("folder", write_image(tmp_path / "a.jpg"))
