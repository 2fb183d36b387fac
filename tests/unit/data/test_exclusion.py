"""Lists of images to leave out: written, read again, and refused where they do not fit."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import write_market

import crosscam
from crosscam.data.exclusion import list_paths, without_listed, write_listing
from crosscam.errors import DataError
from crosscam.types import ReIDDataset, Sample


def dataset_of(*paths):
    return ReIDDataset("own", tuple(Sample(Path(path), 1, 1) for path in paths), (), ())


@pytest.fixture
def listing(tmp_path):
    return tmp_path / "list.txt"


def test_listed_images_are_gone_from_every_split_and_noted(tmp_path, listing):
    dataset = crosscam.load_dataset("market1501", write_market(tmp_path / "data"))
    gone = [dataset.train[3].path, dataset.query[0].path, dataset.gallery[1].path]
    write_listing(listing, dict.fromkeys(gone, "why"), paths=list_paths(dataset))
    kept = without_listed(dataset, listing)
    assert list_paths(dataset) - list_paths(kept) == set(gone)
    assert kept.left_out == {"images listed in list.txt": 3}
    assert kept.train == tuple(s for s in dataset.train if s.path != gone[0])


def test_a_line_is_the_shortest_end_that_is_no_other_images(listing):
    paths = [Path("/r/a/1.jpg"), Path("/r/b/1.jpg"), Path("/r/b/2.jpg"), Path("/q/b/1.jpg")]
    write_listing(listing, {paths[0]: "one", paths[3]: "two\nlines", paths[2]: ""}, paths=paths)
    assert listing.read_text() == (
        "# images to leave out: 3\n\n# one\na/1.jpg\n\n# two lines\nq/b/1.jpg\n\n# \n2.jpg\n"
    )


@pytest.mark.parametrize(
    "lines",
    [
        "a/1.jpg",
        "\n# 2.jpg\n  a/1.jpg  \n\n",
        "\ufeffa/1.jpg\r\n",
        "a/1.jpg\na/1.jpg\n",
        "./a/1.jpg",
        "a\\1.jpg\r\n",
        "/r/a/1.jpg",
        "\\r\\a\\1.jpg",
    ],
)
def test_lists_may_be_edited(listing, lines):
    listing.write_text(lines, encoding="utf-8", newline="")
    kept = without_listed(dataset_of("/r/a/1.jpg", "/r/b/1.jpg", "/r/2.jpg"), listing)
    assert [sample.path.as_posix() for sample in kept.train] == ["/r/b/1.jpg", "/r/2.jpg"]


def test_a_list_may_be_of_another_system(listing):
    listing.write_bytes("# x\r\nä\\1.jpg\r\n".encode("utf-16"))
    kept = without_listed(dataset_of("/r/ä/1.jpg", "/r/b/1.jpg"), listing)
    assert [sample.path.as_posix() for sample in kept.train] == ["/r/b/1.jpg"]


def test_whole_paths_are_found_below_a_relative_root(listing, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    listing.write_text(f"{tmp_path}/a/1.jpg")
    assert len(without_listed(dataset_of("a/1.jpg", "b/1.jpg"), listing).train) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1.jpg", "names 1.jpg, of which the data set has 2; a line is the end of one image"),
        ("3.jpg", "names 3.jpg, of which the data set has 0"),
        (".jpg", "has 0"),
        (".", "has 0"),
        ("/", "has 0"),
    ],
)
def test_a_line_that_is_not_one_image_is_refused(listing, line, message):
    listing.write_text(line)
    with pytest.raises(DataError, match=message):
        without_listed(dataset_of("/r/a/1.jpg", "/r/b/1.jpg"), listing)


def test_a_list_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DataError, match="cannot read the images to leave out from .*gone"):
        without_listed(dataset_of("/a.jpg"), tmp_path / "gone")


def test_a_name_with_a_line_break_is_refused_and_nothing_is_written(listing):
    path = Path("/r/a\nb.jpg")
    with pytest.raises(DataError, match="line break"):
        write_listing(listing, {path: "why"}, paths=[path])
    assert not listing.exists()


names = st.text(st.characters(exclude_characters="/\0\r\n", codec="utf-8"), min_size=1, max_size=4)
odd = st.sampled_from(["#a", " a", "a ", "\udcff", "\x85", "\u2028b", "[red]"])
parts = (names | odd).filter(lambda part: part not in {".", ".."})
paths = st.lists(parts, min_size=2, max_size=3).map(
    lambda ends: Path("/", "r", *ends[:-1], ends[-1] + ".jpg")
)


@pytest.mark.slow
@given(st.sets(paths, min_size=1, max_size=12), st.data())
def test_whatever_is_written_is_what_is_read(tmp_path_factory, there, data):
    listing = tmp_path_factory.mktemp("lists") / "list.txt"
    dataset = dataset_of(*sorted(there))
    gone = data.draw(st.sets(st.sampled_from(sorted(there))))
    write_listing(listing, dict.fromkeys(gone, "why"), paths=there)
    assert list_paths(without_listed(dataset, listing)) == there - gone
