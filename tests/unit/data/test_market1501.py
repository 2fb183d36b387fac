"""The reader of Market-1501, on an archive made apart from it and on broken ones."""

import shutil

import pytest
from tiny import write_image, write_market

import crosscam
from crosscam.errors import DataError

OUTER = "Market-1501-v15.09.15"


def test_the_independent_archive(market_fixture):
    dataset = crosscam.load_dataset("market1501", market_fixture)
    assert [len(split) for split in (dataset.train, dataset.query, dataset.gallery)] == [5, 3, 5]
    assert dataset.num_train_pids == 2
    assert dataset.left_out == {"junk images (pid -1)": 2}
    assert [(s.pid, s.camid) for s in dataset.gallery] == [
        (0, 4),
        (11, 1),
        (11, 3),
        (13, 6),
        (14, 1),
    ]
    assert [(s.pid, s.camid) for s in dataset.query] == [(11, 1), (13, 2), (14, 5)]
    assert all(sample.path.is_file() for sample in dataset.gallery)
    assert "research only" in dataset.terms


@pytest.mark.parametrize(
    "inner",
    [*("", OUTER, f"market1501/{OUTER}", f"{OUTER}/{OUTER}", "Market1501", "a b/query/data")],
)
def test_the_root_may_be_any_of_three_folders_above(tmp_path, market_fixture, inner):
    shutil.copytree(market_fixture / OUTER, tmp_path / inner, dirs_exist_ok=True)
    shutil.copytree(market_fixture / OUTER, tmp_path / inner / "backup")
    shutil.copytree(market_fixture / OUTER, tmp_path / ".Trash" / OUTER)
    assert len(crosscam.load_dataset("market1501", tmp_path).train) == 5


def test_deeper_folders_are_not_searched(tmp_path, market_fixture):
    shutil.copytree(market_fixture / OUTER, tmp_path / "a/b/c/d")
    with pytest.raises(DataError, match="no market1501 below .* in it and 3 levels below; give"):
        crosscam.load_dataset("market1501", tmp_path)
    assert len(crosscam.load_dataset("market1501", tmp_path / "a").train) == 5


def test_two_archives_are_named_and_refused(tmp_path, market_fixture):
    for place in ("a/b", "c"):
        shutil.copytree(market_fixture / OUTER, tmp_path / place)
    with pytest.raises(DataError, match=r"more than once below .*, in .*/c, .*/a/b; give one of"):
        crosscam.load_dataset("market1501", tmp_path)


def test_of_several_archives_it_is_the_one_with_its_names(tmp_path, market_fixture):
    shutil.copytree(market_fixture / OUTER, tmp_path / "b" / OUTER)
    for folder, name in (("bounding_box_train", 5), ("query", 9), ("bounding_box_test", 9)):
        write_image(tmp_path / "dukemtmc-reid/DukeMTMC-reID" / folder / f"{name}_c2_f0046985.jpg")
    assert len(crosscam.load_dataset("market1501", tmp_path).train) == 5
    assert len(crosscam.load_dataset("dukemtmcreid", tmp_path).train) == 1


def test_ids_that_no_integer_holds_are_refused(tmp_path):
    root = write_market(tmp_path)
    for name in ("9" * 23 + "_c1s1_000001_00.jpg", "0001_c" + "9" * 23 + "s1_000001_00.jpg"):
        path = write_image(root / "query" / name)
        with pytest.raises(DataError, match=f"misnamed image .*{name}: names here look like"):
            crosscam.load_dataset("market1501", root)
        path.unlink()


def test_stray_files_are_ignored(tmp_path):
    root = write_market(tmp_path)
    before = crosscam.load_dataset("market1501", root)
    for name in ("Thumbs.db", ".DS_Store", "._0001_c1s1_000001_00.jpg", "readme.txt"):
        (root / "query" / name).write_bytes(b"\0")
    (root / "query" / "notes").mkdir()
    assert crosscam.load_dataset("market1501", root) == before


def test_a_root_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"the root of market1501 does not exist: .*/nowhere"):
        crosscam.load_dataset("market1501", tmp_path / "nowhere")
    file = write_image(tmp_path / "a.jpg")
    with pytest.raises(DataError, match="is a file, not a folder"):
        crosscam.load_dataset("market1501", file)


def test_an_empty_root_says_what_was_looked_for_and_where(tmp_path):
    with pytest.raises(DataError) as caught:
        crosscam.load_dataset("market1501", tmp_path)
    for part in ("bounding_box_train, query, bounding_box_test", str(tmp_path), "--root"):
        assert part in str(caught.value)


def test_half_an_archive_says_what_is_missing(tmp_path):
    root = write_market(tmp_path / OUTER)
    shutil.rmtree(root / "query")
    with pytest.raises(DataError, match=f"market1501 in .*{OUTER} lacks query"):
        crosscam.load_dataset("market1501", tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    root = write_market(tmp_path)
    for image in (root / "query").iterdir():
        image.unlink()
    with pytest.raises(DataError, match=r"no images in .*query: looked for names like 0002_c1s1"):
        crosscam.load_dataset("market1501", root)


@pytest.mark.parametrize("name", ["me.jpg", "0002_c1.jpg", "-2_c1s1_000451_03.jpg", "0002.png"])
def test_a_misnamed_image_is_refused_by_name(tmp_path, name):
    root = write_market(tmp_path)
    write_image(root / "bounding_box_train" / name)
    with pytest.raises(DataError, match=f"misnamed image .*{name}: names here look like"):
        crosscam.load_dataset("market1501", root)


def test_multi_query_reads_the_images_of_the_queries_people_and_cameras(tmp_path):
    root = write_market(tmp_path / OUTER, people=3, cameras=3, by_hand=2)
    plain = crosscam.load_dataset("market1501", tmp_path)
    assert plain.multi_query == ()
    queries = sorted((root / "query").iterdir())
    queries[0].unlink()
    dataset = crosscam.load_dataset("market1501", tmp_path, multi_query=True)
    assert {sample.path.parent.name for sample in dataset.multi_query} == {"gt_bbox"}
    asked = {(sample.pid, sample.camid) for sample in dataset.query}
    assert {(sample.pid, sample.camid) for sample in dataset.multi_query} == asked
    assert len(dataset.multi_query) == 2 * len(asked) == 2 * 8


def test_multi_query_without_its_images_says_what_to_do(tmp_path):
    root = write_market(tmp_path, people=3)
    with pytest.raises(DataError, match="lacks gt_bbox, the images that multi-query pools; unpack"):
        crosscam.load_dataset("market1501", root, multi_query=True)
    write_image(root / "gt_bbox" / "0004_c1s1_000001_01.jpg")
    with pytest.raises(DataError, match=r"no image of 5 of 6 queries' people .*0004_c2s1.*jpg; un"):
        crosscam.load_dataset("market1501", root, multi_query=True)
    with pytest.raises(DataError, match="'people' has no further images .* is for market1501"):
        crosscam.load_dataset("people", multi_query=True)
