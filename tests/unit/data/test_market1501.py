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


@pytest.mark.parametrize("inner", ["", OUTER, "market1501", f"market1501/{OUTER}"])
def test_the_root_may_hold_the_archive_at_any_usual_depth(tmp_path, market_fixture, inner):
    shutil.copytree(market_fixture / OUTER, tmp_path / inner, dirs_exist_ok=True)
    assert len(crosscam.load_dataset("market1501", tmp_path).train) == 5


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
    for part in ("bounding_box_train, query, bounding_box_test", str(tmp_path / OUTER), "--root"):
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
