"""Compiled loops are kept where they can be, and do without where they cannot."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import crosscam
from crosscam.errors import CrosscamWarning
from crosscam.ranking import compiling

numba = pytest.importorskip("numba")
LOOP = "def total(numbers):\n    s = 0\n    for n in numbers:\n        s += n\n    return s\n"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of numba's cache, and no memory of what was said."""
    compiling._say_uncached.cache_clear()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    yield tmp_path / "cache"
    compiling._say_uncached.cache_clear()


def compiled_loop(folder):
    """A loop of a module of its own, as a process finds it that has not compiled it yet."""
    file = folder / "loops.py"
    file.write_text(LOOP, encoding="utf-8")
    spec = importlib.util.spec_from_file_location("loops", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return compiling.compiled(module.total)


def test_what_was_compiled_is_kept(tmp_path, cache):
    assert compiled_loop(tmp_path)((1, 2)) == 3
    assert list(cache.rglob("*.nbc"))
    again = compiled_loop(tmp_path)
    assert again((1, 2)) == 3
    assert sum(again.stats.cache_hits.values()) == 1


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, cache):
    loop = compiled_loop(tmp_path)
    shutil.rmtree(cache)
    cache.touch()  # as full and as forbidden as it can be, for any user
    with pytest.warns(CrosscamWarning, match="does not keep what it compiles") as said:
        totals = loop((1, 2)), loop((1.0, 2.0))
    assert totals == (3, 3.0)
    assert len({str(warning.message) for warning in said}) == len(said) <= 2


@pytest.mark.parametrize("kind", ["*.nbi", "*.nbc"])
@pytest.mark.parametrize("content", [b"", b"\x80\x05no pickle", b"x" * 100])
def test_a_broken_cache_is_done_without(tmp_path, cache, kind, content):
    compiled_loop(tmp_path)((1, 2))
    for file in cache.rglob(kind):
        file.write_bytes(content)
    with pytest.warns(CrosscamWarning, match="its cache is broken"):
        assert compiled_loop(tmp_path)((1, 2)) == 3


@pytest.mark.slow
def test_a_package_in_no_folder_that_can_be_written_ranks(tmp_path):
    """As a container's user without a home has it; for root, too, who may write anywhere."""
    package = tmp_path / "crosscam"
    shutil.copytree(
        Path(crosscam.__file__).parent,
        package,
        ignore=shutil.ignore_patterns("__pycache__", "people_pictures"),
    )
    (package / "ranking" / "__pycache__").touch()
    code = (
        "import numpy as np; import crosscam\n"
        "print(crosscam.rank(np.eye(3), np.eye(3), [1, 2, 3], [1, 2, 3]).mAP)"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "HOME": "/dev/null/home"}
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "CROSSCAM_COMPILE"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == 1.0
    assert done.stderr.count("CrosscamWarning: numba does not keep what it compiles") == 1
