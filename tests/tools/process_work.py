"""Work for processes to do, in a module that a process started from scratch can import."""

import os
import signal

import numpy as np


def square(number):
    """The square, as it is."""
    return number * number


def fail_at_seven(number):
    """The number, or an error of no kind of ours."""
    if number == 7:
        raise ValueError("seven")
    return number


def die_at_seven(number):
    """The number, or the end of this process, as if by the system for want of memory."""
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def leave_at_seven(number):
    """The number, or the end of this process by itself."""
    if number == 7:
        os._exit(3)
    return number


def arrays_of(number):
    """Arrays of several kinds and sizes, some empty, some beside other values."""
    return {
        "large": np.full((number, 3000), number, dtype=np.float32),
        "empty": np.empty((0, 4)),
        "odd": np.arange(number, dtype=np.int8),
        "words": str(number),
    }
