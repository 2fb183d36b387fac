"""Running the `crosscam` command as a user does, in a process of its own."""

import atexit
import functools
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tiny import TINY

SERVER = Path(__file__).with_name("command_server.py")


def crosscam(*arguments, cwd, timeout=300):
    """The finished process, with its output as text."""
    return start(*arguments, cwd=cwd).wait(timeout)


def start(*arguments, cwd, program=""):
    """The command under way, which leads a session; `program` is a file to run in its stead."""
    folder = Path(tempfile.mkdtemp(prefix="crosscam-command-"))
    stdout, stderr = folder / "stdout", folder / "stderr"
    stdout.touch()
    stderr.touch()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(_server(os.getpid()))
    request = {
        "arguments": [str(argument) for argument in arguments],
        "program": str(program),
        "cwd": str(cwd),
        "environment": dict(os.environ),
        "stdout": str(stdout),
        "stderr": str(stderr),
    }
    stream = connection.makefile("rw")
    print(json.dumps(request), file=stream, flush=True)
    return Running(int(stream.readline()), connection, stream, folder)


@dataclass(frozen=True)
class Running:
    """A command under way, of the process `pid`."""

    pid: int
    connection: socket.socket
    stream: IO[str]
    folder: Path

    def is_done(self):
        """Whether it has ended."""
        return bool(select.select([self.connection], [], [], 0)[0])

    def send(self, number):
        """Send a signal, unless it has ended."""
        if not self.is_done():
            os.kill(self.pid, number)

    def wait(self, timeout=300):
        """The process once it has ended, killed if that takes longer than so many seconds."""
        if not select.select([self.connection], [], [], timeout)[0]:
            os.kill(self.pid, signal.SIGKILL)
            told = (self.folder / "stderr").read_text()
            raise TimeoutError(f"it was not done in {timeout} seconds: {told}")
        status = int(self.stream.readline())
        self.stream.close()
        self.connection.close()
        told = [(self.folder / name).read_text() for name in ("stdout", "stderr")]
        shutil.rmtree(self.folder)
        return subprocess.CompletedProcess("crosscam", status, *told)


@functools.cache
def _server(_pid):
    """The address of this process's server of commands, which ends with it."""
    folder = tempfile.TemporaryDirectory()
    path = str(Path(folder.name, "commands"))
    process = subprocess.Popen([sys.executable, SERVER, path], stdout=subprocess.PIPE)
    atexit.register(folder.cleanup)
    atexit.register(process.wait)
    atexit.register(process.kill)
    assert process.stdout.readline() == b"ready\n"
    return path


def train_arguments(root, out, *overrides):
    """A tiny training of MobileNetV2, which has dropout, on a Market-1501 look-alike."""
    settings = [part for override in (*TINY, *overrides) for part in ("--set", override)]
    data = ["--data", "market1501", "--root", str(root), "--out", str(out)]
    return ["train", "mobilenetv2-xent", *data, *settings]
