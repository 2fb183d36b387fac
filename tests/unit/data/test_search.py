"""Finding an archive at or below a folder, without walking through all of it."""

import os

import pytest

import crosscam.data.search as search
from crosscam.data.search import find_places, find_root
from crosscam.errors import DataError


def folders(root, *names):
    for name in names:
        (root / name).mkdir(parents=True, exist_ok=True)
    return root


def below(places):
    return [place.relative_to(places.root).as_posix() for place in places.folders]


def test_nearer_folders_come_first_and_hidden_ones_not_at_all(tmp_path):
    folders(tmp_path, "b/x/y/z", "a/p", "a/.git/q", ".cache/r")
    places = find_places(tmp_path, name="own")
    assert below(places) == [".", "a", "b", "a/p", "b/x", "b/x/y"]
    assert not places.is_cut


def test_what_is_below_an_archive_is_not_looked_at(tmp_path):
    folders(tmp_path, "data/train/0001", "data/test/0001", "other/train")
    places = find_places(tmp_path, name="own", shapes=[("train", "test")])
    assert below(places) == [".", "data", "other", "other/train"]
    assert places.the_one(places.holding(("train", "test"))) == tmp_path / "data"


def test_links_are_followed_once(tmp_path):
    folders(tmp_path, "a/data")
    (tmp_path / "a" / "again").symlink_to(tmp_path)
    (tmp_path / "b").symlink_to(tmp_path / "a" / "data")
    (tmp_path / "c").symlink_to(tmp_path / "c")
    assert below(find_places(tmp_path, name="own")) == [".", "a", "b"]


def test_files_are_found_where_they_lie_outermost(tmp_path):
    folders(tmp_path, "a/deep", "b")
    for place in ("a", "a/deep"):
        (tmp_path / place / "x.mat").touch()
    places = find_places(tmp_path, name="own")
    assert places.files("x.mat") == [tmp_path / "a" / "x.mat"]
    assert places.the_one(places.files("gone.mat")) is None
    (tmp_path / "b" / "x.mat").touch()
    with pytest.raises(DataError, match=r"own is more than once below .*a/x\.mat, .*b/x\.mat"):
        places.the_one(places.files("x.mat"))


def test_a_huge_tree_is_given_up_and_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(search, "_MOST_FOLDERS", 10)
    folders(tmp_path, *(f"{number}/x" for number in range(20)))
    places = find_places(tmp_path, name="own")
    assert len(places.folders) == 10
    assert "gave up after 10 folders" in str(places.absent([["train"]]))


def refusing(monkeypatch, name):
    """The rights of a folder do not bind an administrator, so the refusal is played."""
    scandir = os.scandir

    def refuse(folder):
        if os.path.basename(folder) == name:  # noqa: PTH119
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)


def test_a_folder_that_cannot_be_read_is_passed_over_and_said(tmp_path, monkeypatch):
    folders(tmp_path, "lost+found", "data/train")
    refusing(monkeypatch, "lost+found")
    places = find_places(tmp_path, name="own")
    assert places.the_one(places.holding(["train"])) == tmp_path / "data"
    assert "could not look into" in str(places.absent([["gone"]]))


def test_a_root_that_cannot_be_read_is_named_and_not_called_unwritable(tmp_path, monkeypatch):
    root = folders(tmp_path, "my  data") / "my  data"
    refusing(monkeypatch, root.name)
    with pytest.raises(DataError, match=r"cannot read the folder '.*/my  data': Permission denied"):
        find_places(root, name="own")


def test_a_root_with_an_unknown_home(monkeypatch):
    with pytest.raises(DataError, match="cannot be found: ~nobody-known/x: .*; give a path with"):
        find_root("~nobody-known/x", name="own")
