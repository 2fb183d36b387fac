"""Queries that find themselves in the gallery, because they are the same file."""

import shutil

import pytest
from tiny import write_image, write_market

import crosscam
from crosscam.data.copies import count_copies, note_copies
from crosscam.data.exclusion import without_listed
from crosscam.types import Sample

NOTE = "2 of 3 queries are copies of gallery images, byte for byte, so each finds itself"


@pytest.fixture
def root(tmp_path):
    """Three people without cameras; two queries are copies under other names, one is not."""
    for person in range(1, 4):
        write_image(tmp_path / f"gallery/{person}/a.jpg", person)
        write_image(tmp_path / f"gallery/{person}/b.jpg", 10 + person)
        query = tmp_path / f"query/{person}/q.jpg"
        write_image(query, 20 + person)
        if person < 3:
            shutil.copy(tmp_path / f"gallery/{person}/a.jpg", query)
    return tmp_path


def test_queries_that_are_copies_are_counted_and_noted(root):
    dataset = crosscam.load_dataset("folder", root)
    assert count_copies(dataset) == 2
    assert dataset.notes[-1].startswith(NOTE)
    assert note_copies(dataset) == dataset


def test_copies_that_were_taken_out_are_not_noted(root):
    (root / "out.txt").write_text("gallery/1/a.jpg\ngallery/2/a.jpg\n")
    dataset = without_listed(crosscam.load_dataset("folder", root), root / "out.txt")
    assert dataset.notes == ()


def test_copies_of_other_people_and_files_that_are_gone_do_not_count(root):
    dataset = crosscam.load_dataset("folder", root)
    dataset.query[0].path.unlink()
    shutil.copy(root / "gallery/1/a.jpg", root / "query/2/q.jpg")
    assert count_copies(dataset) == 0


def test_where_cameras_rule_them_out_nothing_is_read(tmp_path, monkeypatch):
    dataset = crosscam.load_dataset("market1501", write_market(tmp_path))
    shutil.copy(dataset.gallery[0].path, dataset.query[0].path)
    assert dataset.gallery[0].pid == dataset.query[0].pid
    noted = note_copies(dataset, protocol="no-cameras")
    assert noted.notes[-1].startswith("1 of 12 queries are copies of gallery images")
    monkeypatch.setattr(Sample, "path", None)
    assert note_copies(dataset) is dataset
