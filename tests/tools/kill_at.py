"""Runs the `crosscam` command and kills it, as `kill -9` does, at a chosen call of a chosen kind.

    python kill_at.py KIND NUMBER ARGUMENT...

KIND is "fsync", "replace" or "rename" (killed just before the call), "after-replace" (just after
it), or "half-checkpoint" (half of the checkpoint's bytes are on disk).
"""

import os
import signal
import sys

import torch

from crosscam.cli.main import main

kind, number, arguments = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
calls = 0


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def counted():
    global calls  # noqa: PLW0603
    calls += 1
    return calls == number


def killing(original, *, before):
    def call(*args, **kwargs):
        hit = counted()
        if hit and before:
            die()
        result = original(*args, **kwargs)
        if hit:
            die()
        return result

    return call


def half_a_checkpoint(original):
    def save(state, path):
        original(state, path)
        if counted():
            os.truncate(path, path.stat().st_size // 2)
            die()

    return save


if kind == "half-checkpoint":
    torch.save = half_a_checkpoint(torch.save)
else:
    name = kind.removeprefix("after-")
    setattr(os, name, killing(getattr(os, name), before=name == kind))
sys.argv = ["crosscam", *arguments]
main()
