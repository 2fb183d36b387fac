"""Files are there whole or not at all."""

import os
import socket
from pathlib import Path, PureWindowsPath
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscam.errors import RunError
from crosscam.files import (
    cache_folder,
    folder_named_by,
    one_at_a_time,
    open_plain,
    quoted,
    read_text_file,
    remove_leftovers,
    replacing,
    safe_name,
    split_lines,
    write_text,
)


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


@pytest.fixture
def homeless(monkeypatch):
    """A user without HOME, of whom the system knows nothing, as in many containers."""

    def unknown(_who):
        raise KeyError("unknown user")

    for name in ("HOME", "XDG_CACHE_HOME", "CROSSCAM_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    monkeypatch.setattr("pwd.getpwnam", unknown)


@pytest.mark.usefixtures("homeless")
def test_without_a_home_the_variable_is_named(monkeypatch, tmp_path):
    with pytest.raises(RunError, match="no home folder.*name a folder in CROSSCAM_CACHE"):
        cache_folder()
    for home in ("~/mine", "~nobody-known/mine"):
        monkeypatch.setenv("CROSSCAM_CACHE", home)
        with pytest.raises(RunError, match=f"CROSSCAM_CACHE is {home}, .* a path without ~"):
            cache_folder()
    monkeypatch.setenv("CROSSCAM_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    assert folder_named_by("CROSSCAM_NOTHING") is None


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("a/b-ü_王.jpg", "a/b-ü_王.jpg"),
        ("a  b.jpg", "'a  b.jpg'"),
        ("split.csv\r", r"'split.csv\r'"),
        ("\x1b[31m", r"'\x1b[31m'"),
        ("\udcff.jpg", r"'\udcff.jpg'"),
        ("it's", '"it\'s"'),
        ("", "''"),
    ],
)
def test_a_path_in_a_message_is_shown_as_it_is(path, shown):
    assert quoted(path) == shown


def special(kind, path):
    """Something of that kind that is no plain file."""
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(os.path.relpath(path))
    else:
        path.symlink_to("/dev/zero")
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("folder", "it is a folder, not a file"),
        ("pipe", "it is a pipe, not a plain file"),
        ("socket", "it is a device or a socket"),
        ("device", "it is a device or a socket"),
    ],
)
def test_only_plain_files_are_opened(tmp_path, monkeypatch, kind, message):
    monkeypatch.chdir(tmp_path)
    path = special(kind, tmp_path / "a")
    for read in (open_plain, read_text_file):
        with pytest.raises(OSError, match=message):
            read(path)


def test_a_name_that_no_file_can_have_is_none():
    for name in ("a\0b", "\ud800"):
        with pytest.raises(OSError, match="no file can have this name"):
            open_plain(name)


def test_plain_files_are_opened_through_links(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "link").symlink_to("a")
    with open_plain(tmp_path / "link") as file:
        assert file.read() == b"content"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_a_text_is_read_whatever_wrote_it(tmp_path, encoding):
    text = "über,王\r\n# b\n\nc\rd"
    marked = encoding in ("utf-16-le", "utf-16-be")
    (tmp_path / "a").write_bytes((("\ufeff" if marked else "") + text).encode(encoding))
    assert read_text_file(tmp_path / "a") == text
    assert split_lines(text) == ["über,王", "# b", "", "c", "d"]


@pytest.mark.parametrize("content", [b"\xff,1", "a".encode("utf-16-le"), b"\xff\xfea"])
def test_what_is_no_text_is_refused(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(UnicodeError):
        read_text_file(tmp_path / "a")


def test_bytes_that_are_no_text_can_be_kept(tmp_path):
    (tmp_path / "a").write_bytes(b"caf\xe9.jpg")
    assert read_text_file(tmp_path / "a", undecodable="surrogateescape") == "caf\udce9.jpg"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("resnet50-xent-market1501-1", "resnet50-xent-market1501-1"),
        ("recipe-cuhk03:labeled", "recipe-cuhk03-labeled"),
        ("張0é", "張0é"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("com1", "_com1"),
        ("com10", "com10"),
        ("console", "console"),
        ("name. .", "name"),
        ("...", "_"),
        ("", "_"),
        (" ", "_"),
        (".hidden", "_.hidden"),
        ('a<b>c"d|e?f*g\\h/i', "a-b-c-d-e-f-g-h-i"),
        ("a\x1b[1mb\n", "a-[1mb-"),
    ],
)
def test_a_name_is_one_that_every_system_takes(name, safe):
    assert safe_name(name) == safe


@given(st.text())
def test_any_name_becomes_one_of_a_file(name):
    safe = safe_name(name)
    assert safe_name(safe) == safe
    assert 0 < len(safe.encode()) <= 100
    assert not set(safe) & set('<>:"/\\|?*\0\n')
    assert safe[-1] not in ". "
    assert not PureWindowsPath(safe).is_reserved()


def test_long_names_are_told_apart():
    names = {safe_name("é" * 200 + end) for end in ("a", "b")}
    assert len(names) == 2


def test_what_is_flushed_is_open_for_writing(tmp_path, monkeypatch):
    """For Windows flushes nothing else."""
    flushed = []

    def fsync(descriptor):
        flushed.append(os.write(descriptor, b""))

    monkeypatch.setattr(os, "fsync", fsync)
    write_text(tmp_path / "a", "text")
    assert flushed == [0]


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
