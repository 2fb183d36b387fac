"""The trackers that `make trackers` installs, beside the packages that crosscam itself needs."""

import importlib
import os
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / ".venv" / "trackers"
REQUIRED = os.environ.get("CROSSCAM_TEST_TRACKERS") == "required"  # as where they were prepared


@contextmanager
def trackers_installed():
    """While entered, the trackers can be imported; tests are skipped where they are not there."""
    if not FOLDER.is_dir() and not REQUIRED:
        pytest.skip(f"no trackers in {FOLDER}: make trackers")
    sys.path.append(str(FOLDER))  # the last: nothing of ours is taken from it
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(FOLDER))
