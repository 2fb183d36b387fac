"""A tiny saved model, and pictures to embed with it."""

import itertools
import os
import signal
import traceback

import torch
from tiny import card, write_image

import crosscam
from crosscam.features.work import ModelSource
from crosscam.weights.saved import save_card, save_weights


def save_tiny(folder, *, seed=1, **changes):
    """A saved lightres of 64 x 32 pictures, in `folder`, of random weights."""
    folder.mkdir(parents=True)
    torch.manual_seed(seed)
    model = crosscam.create_model("lightres", num_classes=2)
    digest = save_weights(folder, model)
    given = {"architecture": "lightres", "weights_sha256": digest, **changes}
    save_card(folder, card(model, **given))
    return folder


def on_torch(folder):
    """A saved model as it is given to `embed_files`, to be run by torch."""
    return ModelSource(str(folder), runtime="torch")


def write_crops(folder, count, *, size=(16, 32)):
    """So many noise pictures below `folder`, two of each person by name."""
    for number in range(count):
        write_image(folder / f"{number // 2:04}_c{number % 2}_{number:06}.jpg", number, size)
    return folder


def die_at(kind, number, work):
    """Do `work` in a process of its own that kills itself at a chosen call, as `kill -9` does.

    `kind` is "fsync", "replace", "after-replace", "unlink", or "half" for the moment at which half
    of a file's bytes are written. Says whether it died, or did its work before that call came.
    """
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status):
            return os.WTERMSIG(status) == signal.SIGKILL
        assert os.WEXITSTATUS(status) == 0
        return False
    try:
        torch.set_num_threads(1)
        _arm(kind, number)
        work()
        os._exit(0)
    finally:
        traceback.print_exc()
        os._exit(1)


def _arm(kind, number):
    calls = itertools.count(1)
    name = {"half": "fsync"}.get(kind, kind.removeprefix("after-"))
    original = getattr(os, name)

    def call(*args, **kwargs):
        if next(calls) != number:
            return original(*args, **kwargs)
        if kind == "half":
            os.ftruncate(args[0], os.fstat(args[0]).st_size // 2)
        elif kind.startswith("after-"):
            original(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)
        return None

    setattr(os, name, call)
