"""Files are there whole or not at all."""

import pytest

from crosscam.files import remove_leftovers, replacing, write_text


def test_a_file_is_written_and_replaced(tmp_path):
    write_text(tmp_path / "a", "one")
    write_text(tmp_path / "a", "zwö")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "zwö"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_failed_write_leaves_the_old_file_and_nothing_beside(tmp_path):
    write_text(tmp_path / "a", "old")
    with pytest.raises(OSError, match="disk full"), replacing(tmp_path / "a") as beside:
        beside.write_text("half")
        raise OSError("disk full")
    assert (tmp_path / "a").read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_full_disk_is_an_error_and_leaves_the_old_file(tmp_path):
    write_text(tmp_path / "a", "old")
    with pytest.raises(OSError, match="No space left"), replacing(tmp_path / "a") as beside:
        beside.symlink_to("/dev/full")
        beside.write_text("new")
    assert (tmp_path / "a").read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_leftovers_of_a_kill_are_removed_and_nothing_else(tmp_path):
    for name in (".last.pt.123.crosscam-tmp", ".hidden", "last.pt"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".hidden", "last.pt"]
