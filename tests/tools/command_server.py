"""Runs the `crosscam` command again and again, each time in a process of its own, forked from here.

    python command_server.py SOCKET

What takes seconds of each command is importing torch; this process has imported all there is, and
has done nothing else. A request is one line of JSON: `arguments`, the `program` that takes them, ""
for `crosscam` itself, `cwd`, `environment`, and the files `stdout` and `stderr`; the answer is the
number of the process, which leads a session of its own, and then its exit status.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import sys
import traceback

import matplotlib.pyplot as plt  # noqa: F401 - imported so that it is there, as are others
import torch._dynamo
import torch._inductor  # noqa: F401

import crosscam.cli.evaluate
import crosscam.cli.failures
import crosscam.cli.train  # noqa: F401
from crosscam.cli.main import main

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


def serve(path):
    """Answer requests, each in a process of its own, until this one is killed."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(64)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who answer
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            answer(connection)
        connection.close()


def answer(connection):
    """Start the command that is asked for, and tell how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection.makefile("rw") as stream:
        request = json.loads(stream.readline())
        number = os.fork()
        if number == 0:
            become(request, connection)
        print(number, file=stream, flush=True)
        _, status = os.waitpid(number, 0)
        print(os.waitstatus_to_exitcode(status), file=stream, flush=True)
    os._exit(0)


def become(request, connection):
    """Be the command, as if this process had just been started for it."""
    connection.close()
    os.setsid()
    for number in SIGNALS:
        signal.signal(number, signal.default_int_handler if number == 2 else signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["cwd"])
    for descriptor, path in enumerate((os.devnull, request["stdout"], request["stderr"])):
        flags = os.O_WRONLY | os.O_APPEND if descriptor else os.O_RDONLY
        os.dup2(os.open(path, flags), descriptor)
    program = request["program"]
    sys.argv = [program or "crosscam", *request["arguments"]]
    os._exit(run(program))


def run(program):
    """The exit status of the command, everything done that is done at a process's end."""
    try:
        if program:
            runpy.run_path(program, run_name="__main__")
        else:
            main()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return status


if __name__ == "__main__":
    serve(sys.argv[1])
