"""Runs the `crosscam` command and kills it, as `kill -9` does, at a chosen call of a chosen kind.

    python kill_at.py KIND NUMBER [every-step] ARGUMENT...

KIND is "fsync", "replace" or "rename" (killed just before the call), "after-replace" (just after
it), "half-checkpoint" (half of the checkpoint's bytes are on disk), or "signal-while-testing",
which sends SIGTERM, twice, when the trained model is tested. "every-step" makes every step a
checkpoint.
"""

import os
import signal
import sys

import torch

from crosscam.cli.main import main
from crosscam.evaluation import run_test as testing
from crosscam.training import loop

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


def signalled(original):
    def embed_test(*args, **kwargs):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
        return original(*args, **kwargs)

    return embed_test


if arguments[0] == "every-step":
    arguments = arguments[1:]
    loop.CHECKPOINT_SECONDS = 0.0
if kind == "signal-while-testing":
    testing.embed_test = signalled(testing.embed_test)
elif kind == "half-checkpoint":
    torch.save = half_a_checkpoint(torch.save)
else:
    name = kind.removeprefix("after-")
    setattr(os, name, killing(getattr(os, name), before=name == kind))
sys.argv = ["crosscam", *arguments]
main()
