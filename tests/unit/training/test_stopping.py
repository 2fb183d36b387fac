"""Signals are heard between two steps, and a terminal that is gone breaks nothing."""

import os
import signal
import sys

import pytest

from crosscam.errors import Interrupted
from crosscam.training.stopping import StopRequest

STOPPING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", STOPPING)
def test_a_signal_is_noted_and_obeyed_later(number):
    before = signal.getsignal(number)
    with StopRequest() as stop:
        stop.obey("nowhere")
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        with pytest.raises(Interrupted, match="stopped here") as stopped:
            stop.obey("here")
    assert stopped.value.signal_number == number
    assert signal.getsignal(number) == before


def test_a_hangup_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.signal_number is None
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_is_written_to_a_lost_terminal_is_dropped(monkeypatch):
    main, terminal = os.openpty()
    with os.fdopen(terminal, "w") as stream:
        monkeypatch.setattr(sys, "__stderr__", stream)
        with StopRequest() as stop:
            os.write(stream.fileno(), b"seen\n")
            os.close(main)
            with pytest.raises(OSError, match=r"."):
                os.write(stream.fileno(), b"not seen\n")
            os.kill(os.getpid(), signal.SIGHUP)
            os.write(stream.fileno(), b"dropped\n")
            assert stop.signal_number == signal.SIGHUP


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs SIGHUP and terminals")
