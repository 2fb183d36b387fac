"""Finding pictures by their names."""

import os
from pathlib import Path

import pytest

from crosscam.data.tree import list_images
from crosscam.errors import DataError


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_pictures_of_all_levels_are_found_in_order_and_not_opened(tmp_path):
    names = ["a.jpg", "b/1.JPEG", "b/c/2.Png", "b c/ü.webp", "王/x.bmp", "b.d/3.jpg", "b/4.TIF"]
    touch(
        tmp_path,
        *names,
        "readme.txt",
        "b/.hidden.jpg",
        ".cache/4.jpg",
        "b/jpg",
        "b/5.svg",
        "b/6.Heic",
    )
    (tmp_path / "odd.jpg").mkdir()
    assert list_images(tmp_path) == (sorted(names), ["b/6.Heic"])


def test_links_are_followed(tmp_path):
    touch(tmp_path, "there/1.jpg", "root/b.jpg")
    (tmp_path / "root" / "alice").symlink_to(tmp_path / "there")
    (tmp_path / "root" / "a.jpg").symlink_to(tmp_path / "there" / "1.jpg")
    assert list_images(tmp_path / "root").images == ["a.jpg", "alice/1.jpg", "b.jpg"]


def test_links_in_a_circle_are_refused(tmp_path):
    touch(tmp_path, "a/1.jpg", "b/1.jpg")
    (tmp_path / "a" / "x").symlink_to(tmp_path / "b")
    (tmp_path / "b" / "y").symlink_to(tmp_path / "a")
    with pytest.raises(DataError, match="is a link that leads back to a folder above it"):
        list_images(tmp_path)


def test_a_link_to_itself_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "a")
    with pytest.raises(DataError, match=f"cannot read the folder {tmp_path}: Too many levels"):
        list_images(tmp_path)


def test_a_link_to_nothing_is_refused(tmp_path):
    (tmp_path / "a.jpg").symlink_to(tmp_path / "gone.jpg")
    with pytest.raises(DataError, match=r"a\.jpg is named like an image, but is a link to nothing"):
        list_images(tmp_path)


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    """The rights of a folder do not bind an administrator, so the refusal is played."""
    touch(tmp_path, "a/1.jpg")
    scandir = os.scandir

    def refuse(folder):
        if Path(folder).name == "a":
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"cannot read the folder .*/a: Permission denied"):
        list_images(tmp_path)


def test_a_name_that_is_no_text_is_refused(tmp_path):
    (Path(os.fsdecode(bytes(tmp_path) + b"/\xff.jpg"))).touch()
    with pytest.raises(DataError, match=r"udcff\.jpg' has a name that is not UTF-8"):
        list_images(tmp_path)


def test_each_folder_is_listed_once(tmp_path, monkeypatch):
    touch(tmp_path, *(f"{person}/{shot}.jpg" for person in range(20) for shot in range(5)))
    listed = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: listed.append(folder) or scandir(folder))
    assert len(list_images(tmp_path).images) == 100
    assert len(listed) == 21
