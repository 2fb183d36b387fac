"""The cache of images cut out of `cuhk-03.mat`: whole or not there, and checked when found."""

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from golden import DATA
from PIL import Image

import crosscam
from crosscam.data.cuhk03_cut import cut_out
from crosscam.data.progress import unwatched
from crosscam.errors import DataError, RunError

READ = "import sys, crosscam; crosscam.load_dataset('cuhk03', sys.argv[1])"
KILLED = f"""
import os, signal
from PIL import Image
saved, save = [], Image.Image.save
def save_or_die(image, path):
    save(image, path)
    saved.append(path)
    if len(saved) == 7:
        os.kill(os.getpid(), signal.SIGKILL)
Image.Image.save = save_or_die
{READ}
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("CROSSCAM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cuhk03"


@pytest.fixture
def mat(tmp_path):
    """A `cuhk-03.mat` of our own."""
    return shutil.copy(DATA / "cuhk03/cuhk03_release/cuhk-03.mat", tmp_path / "cuhk-03.mat")


def cut(mat, kind="detected"):
    return cut_out(mat, kind, on_images=unwatched)


def state(folder):
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def folders(cache):
    return [path.name for path in cache.iterdir() if path.is_dir()]


def test_without_a_home_the_variable_of_the_cache_is_named(mat, monkeypatch):
    def no_home(*_names, **_settings):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("CROSSCAM_CACHE", raising=False)
    monkeypatch.setattr("crosscam.files.user_cache_path", no_home)
    with pytest.raises(RunError, match="no home folder, .*; name a folder in CROSSCAM_CACHE"):
        cut(mat)


def test_images_are_cut_out_once(cache, mat, monkeypatch):
    first = cut(mat)
    assert first.notes == ()
    assert folders(cache) == [first.folder.name]
    before = state(first.folder)
    assert len(before) == 38 + 1
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert cut(mat) == first
    assert state(first.folder) == before


def test_how_far_it_is_is_told(cache, mat):
    told, counts = [], []

    def on_images(what, total):
        told.append((what, total))
        return counts.append

    cut_out(mat, "labeled", on_images=on_images)
    assert told == [("cutting out labeled", 100)]
    assert counts == [1] * 100
    cut_out(mat, "labeled", on_images=on_images)
    assert len(told) == 1


def test_detected_and_labeled_images_do_not_mix(cache, mat):
    assert cut(mat).folder != cut(mat, "labeled").folder
    assert len(folders(cache)) == 2


def test_another_archive_is_noticed(cache, mat):
    first = cut(mat).folder
    os.utime(mat, ns=(1, 1))
    again = cut(mat)
    assert again.folder != first
    assert again.notes == ()
    with mat.open("ab") as file:
        file.write(b"\0")
    assert cut(mat).folder not in {first, again.folder}


def remove(folder):
    (folder / "1_001_1_01.png").unlink()


def shorten(folder):
    (folder / "1_001_1_02.png").write_bytes(b"")


def add(folder):
    (folder / "1_009_1_01.png").write_bytes(b"")


def lose_manifest(folder):
    (folder / "manifest.json").unlink()


def break_manifest(folder):
    (folder / "manifest.json").write_text("{}")


def swap_manifest(folder):
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace('"size": ', '"size": 1'))


def empty(folder):
    for path in folder.iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("tamper", "words"),
    [
        (remove, "1 missing, such as 1_001_1_01.png"),
        (shorten, "1 changed, such as 1_001_1_02.png"),
        (add, "1 not of them, such as 1_009_1_01.png"),
        (lose_manifest, "manifest.json is missing or broken"),
        (break_manifest, "manifest.json is missing or broken"),
        (swap_manifest, "they are of another cuhk-03.mat"),
        (empty, "manifest.json is missing or broken"),
    ],
)
def test_a_tampered_cache_is_made_anew_and_said_so(cache, mat, tamper, words):
    folder = cut(mat).folder
    before = {name: content for name, (content, _) in state(folder).items()}
    tamper(folder)
    again = cut(mat)
    assert again.folder == folder
    assert again.notes == (f"the images in {folder} were cut out again: {words}",)
    assert {name: content for name, (content, _) in state(folder).items()} == before
    assert cut(mat).notes == ()


def test_the_note_reaches_the_data_set(cache):
    root = DATA / "cuhk03"
    remove(crosscam.load_dataset("cuhk03", root).train[0].path.parent)
    notes = crosscam.load_dataset("cuhk03", root).notes
    assert "were cut out again: 1 missing" in notes[0]


def test_a_tampered_cache_stays_if_the_archive_cannot_be_read(cache, mat, monkeypatch):
    folder = cut(mat).folder
    remove(folder)
    before = state(folder)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DataError, match="without h5py"):
        cut(mat)
    assert state(folder) == before


@pytest.mark.slow
def test_a_kill_in_the_middle_leaves_nothing_half_there(cache):
    killed = subprocess.run([sys.executable, "-c", KILLED, DATA / "cuhk03"], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = folders(cache)
    assert left.startswith(".detected-")
    assert left.endswith(".crosscam-tmp")
    dataset = crosscam.load_dataset("cuhk03", DATA / "cuhk03")
    assert folders(cache) == [dataset.train[0].path.parent.name]
    assert len(list((cache / folders(cache)[0]).glob("*.png"))) == 38


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_stop_or_a_full_disk_leaves_nothing(cache, mat, monkeypatch, error):
    saved = []

    def save(_image, path):
        saved.append(path)
        if len(saved) == 5:
            raise error
        path.write_bytes(b"image")

    monkeypatch.setattr(Image.Image, "save", save)
    kind = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else DataError
    with pytest.raises(kind) as caught:
        cut(mat)
    assert folders(cache) == []
    if kind is DataError:
        assert "No space left" in str(caught.value)
        assert "name another folder in CROSSCAM_CACHE" in str(caught.value)


def test_a_cache_that_cannot_be_written_is_refused(tmp_path, mat, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("CROSSCAM_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="cannot put the images of .*CROSSCAM_CACHE"):
        cut(mat)


@pytest.mark.slow
def test_processes_that_start_together_share_the_work(cache):
    def read(_number):
        command = [sys.executable, "-W", "error", "-c", READ, DATA / "cuhk03"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(max_workers=2) as pool:
        for done in pool.map(read, range(2)):
            assert done.returncode == 0, done.stderr
    assert len(folders(cache)) == 1
