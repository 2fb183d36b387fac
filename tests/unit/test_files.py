"""Files are there whole or not at all."""

from pathlib import Path
from threading import Event, Thread

import pytest

from crosscam.files import cache_folder, one_at_a_time, remove_leftovers, replacing, write_text


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
    (tmp_path / ".failures.123.crosscam-tmp" / "pictures").mkdir(parents=True)
    remove_leftovers(tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".hidden", "last.pt"]


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("CROSSCAM_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.setenv("CROSSCAM_CACHE", "~/mine")
    assert cache_folder() == Path.home() / "mine"
    monkeypatch.delenv("CROSSCAM_CACHE")
    assert cache_folder().name.lower() == "crosscam"


def test_the_second_waits_for_the_first(tmp_path):
    order, waiting = [], Event()

    def second():
        waiting.set()
        with one_at_a_time(tmp_path / "locks" / "lock"):
            order.append("second")

    thread = Thread(target=second)
    with one_at_a_time(tmp_path / "locks" / "lock"):
        thread.start()
        waiting.wait()
        thread.join(timeout=0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
