"""Values through a pipe, with arrays in memory and without."""

import multiprocessing
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from crosscam.pipes import receive, send

VALUE = {
    "features": np.random.default_rng(1).normal(size=(1000, 257)).astype(np.float32),
    "column": np.asfortranarray(np.arange(12).reshape(3, 4)),
    "none": np.empty((3, 0), dtype=np.int8),
    "odd": np.arange(3, dtype=np.int8),
    "after": np.arange(5.0),
    "words": ("as", "they", 4),
}


def through_a_pipe(value):
    ours, theirs = multiprocessing.Pipe()
    sender = threading.Thread(target=send, args=(theirs, value))
    sender.start()
    try:
        return receive(ours)
    finally:
        sender.join()
        ours.close()
        theirs.close()


@pytest.fixture(params=["in memory", "refused", "unknown"])
def _memory(request, monkeypatch):
    """A system with files in memory, one that refuses them, and one that has none."""

    def refuse(_name):
        raise PermissionError

    if request.param == "refused":
        monkeypatch.setattr(os, "memfd_create", refuse, raising=False)
    elif request.param == "unknown":
        monkeypatch.delattr(os, "memfd_create", raising=False)


@pytest.mark.usefixtures("_memory")
def test_a_value_comes_through_as_it_was():
    found = through_a_pipe(VALUE)
    assert found.keys() == VALUE.keys()
    for key, value in VALUE.items():
        np.testing.assert_array_equal(found[key], value, strict=True)
    found["features"][:] = 0  # they can be written to
    assert VALUE["features"].any()


@pytest.mark.usefixtures("_memory")
def test_a_sender_that_is_gone_is_an_end():
    ours, theirs = multiprocessing.Pipe()
    theirs.close()
    with pytest.raises(EOFError):
        receive(ours)
    ours.close()


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="arrays are in memory on Linux alone")
def test_no_file_stays_open():
    kept = [through_a_pipe(VALUE) for _ in range(3)]
    before = len(list(Path("/proc/self/fd").iterdir()))
    kept.append(through_a_pipe(VALUE))
    del kept
    assert len(list(Path("/proc/self/fd").iterdir())) < before
