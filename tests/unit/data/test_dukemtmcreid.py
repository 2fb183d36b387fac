"""The reader of DukeMTMC-reID, on an archive made apart from it and on broken ones."""

import shutil

import pytest
from golden import DATA
from tiny import write_image

import crosscam
from crosscam.errors import DataError

OUTER = "DukeMTMC-reID"
ARCHIVE = DATA / "dukemtmcreid" / OUTER


@pytest.fixture
def archive(tmp_path):
    """A copy of the archive, to break."""
    return shutil.copytree(ARCHIVE, tmp_path / OUTER)


def test_the_independent_archive():
    dataset = crosscam.load_dataset("dukemtmcreid", DATA / "dukemtmcreid")
    assert dataset.name == "dukemtmcreid"
    assert [len(split) for split in (dataset.train, dataset.query, dataset.gallery)] == [3, 2, 4]
    assert [(s.pid, s.camid) for s in dataset.train] == [(3, 2), (3, 7), (9, 1)]
    assert [(s.pid, s.camid) for s in dataset.query] == [(6, 2), (8, 4)]
    assert [(s.pid, s.camid) for s in dataset.gallery] == [(4, 1), (6, 5), (8, 8), (7000, 8)]
    assert all(sample.path.is_file() for sample in dataset.gallery)


def test_whoever_reads_it_is_told_that_it_was_withdrawn():
    dataset = crosscam.load_dataset("dukemtmcreid", ARCHIVE)
    assert "withdrawn by its authors in 2019: students were filmed outdoors" in dataset.notes[0]
    assert "withdrawn" in dataset.terms
    assert "3 images to train on, published are 16,522" in dataset.notes


@pytest.mark.parametrize("inner", ["", OUTER, "dukemtmcreid", f"dukemtmcreid/{OUTER}"])
def test_the_root_may_hold_the_archive_at_any_usual_depth(tmp_path, inner):
    shutil.copytree(ARCHIVE, tmp_path / inner, dirs_exist_ok=True)
    (tmp_path / inner / "query" / "Thumbs.db").write_bytes(b"\0")
    assert len(crosscam.load_dataset("dukemtmcreid", tmp_path).query) == 2


def test_half_an_archive_says_what_is_missing(archive):
    shutil.rmtree(archive / "bounding_box_test")
    with pytest.raises(DataError, match=f"dukemtmcreid in .*{OUTER} lacks bounding_box_test"):
        crosscam.load_dataset("dukemtmcreid", archive.parent)


def test_no_archive_at_all(tmp_path):
    with pytest.raises(DataError, match="no dukemtmcreid below .*looked for the folders bounding_"):
        crosscam.load_dataset("dukemtmcreid", tmp_path)


@pytest.mark.parametrize("name", ["0002_c1s1_000451_03.jpg", "me.jpg", "0005_c2_0046985.jpg"])
def test_a_misnamed_image_is_refused_by_name(archive, name):
    write_image(archive / "query" / name)
    with pytest.raises(DataError, match=f"misnamed image .*{name}.*0005_c2_f0046985.jpg"):
        crosscam.load_dataset("dukemtmcreid", archive)
