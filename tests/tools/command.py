"""Running the `crosscam` command as a user does, in a process of its own."""

import subprocess
import sys

from tiny import TINY


def crosscam(*arguments, cwd, timeout=300):
    """The finished process, with its output as text."""
    return subprocess.run(
        [sys.executable, "-m", "crosscam", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def train_arguments(root, out, *overrides):
    """A tiny training of MobileNetV2, which has dropout, on a Market-1501 look-alike."""
    settings = [part for override in (*TINY, *overrides) for part in ("--set", override)]
    data = ["--data", "market1501", "--root", str(root), "--out", str(out)]
    return ["train", "mobilenetv2-xent", *data, *settings]
