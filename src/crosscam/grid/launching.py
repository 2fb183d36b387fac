"""Running jobs side by side, each in a process of its own: the seam where a cluster can stand.

A `Launch` takes jobs and tells what becomes of them. The one here keeps a thread of the standard
library's executor for each job that runs, which starts a process and listens to it. So a job that
is killed, or runs out of memory, takes nothing else with it.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

_PATIENCE_SECONDS = 600.0  # for a job to save its state
_WAKE_SECONDS = 0.2


@dataclass(frozen=True)
class Job:
    """What a process is asked to do: `content` is JSON, which `module` reads and acts on.

    What it writes to standard error goes to `log`.
    """

    name: str
    module: str
    content: Mapping[str, Any]
    log: Path


Event = Mapping[str, Any]
OnEvent = Callable[[str, Event], None]


class Launch(Protocol):
    """Runs jobs; a cluster's engine would be another of these."""

    def __call__(self, jobs: Sequence[Job], *, on_event: OnEvent) -> Mapping[str, int]:
        """Run all jobs; returns each one's exit status by name, negative for a signal.

        `on_event` is told, with the job's name, every JSON object that a job says, from any thread.
        If stopped by `KeyboardInterrupt` it asks the jobs to stop, waits for them, and raises it.
        """


@dataclass(frozen=True)
class LocalLaunch:
    """Up to `parallel` jobs at a time on this machine, each on a GPU of its own if there are any.

    With several GPUs a job sees one alone.
    """

    parallel: int
    gpus: int = 0
    _running: dict[str, "subprocess.Popen[str]"] = field(default_factory=dict)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __call__(self, jobs: Sequence[Job], *, on_event: OnEvent) -> Mapping[str, int]:
        """See `Launch`."""
        slots: queue.SimpleQueue[int] = queue.SimpleQueue()
        for slot in range(self.parallel):
            slots.put(slot)
        with ThreadPoolExecutor(self.parallel) as pool:
            futures = {
                job.name: pool.submit(self._run, job, slots, on_event=on_event) for job in jobs
            }
            try:
                _await(futures.values())
            except KeyboardInterrupt:
                self._stop(futures.values())
                raise
        return {name: future.result() for name, future in futures.items()}

    def _run(self, job: Job, slots: "queue.SimpleQueue[int]", *, on_event: OnEvent) -> int:
        if self._stopping.is_set():
            return -signal.SIGTERM
        slot = slots.get()
        environment = dict(os.environ)
        if self.gpus > 1:
            environment["CUDA_VISIBLE_DEVICES"] = _visible_gpu(slot % self.gpus)
        job.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with (
                job.log.open("a", encoding="utf-8") as log,
                subprocess.Popen(  # noqa: S603 - our own module
                    [sys.executable, "-m", job.module],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env=environment,
                    text=True,
                    encoding="utf-8",
                    start_new_session=True,  # Ctrl-C is ours to hand on
                ) as process,
            ):
                self._running[job.name] = process
                if self._stopping.is_set():
                    process.terminate()
                _listen(process, job, on_event)
            return process.returncode
        finally:
            self._running.pop(job.name, None)
            slots.put(slot)

    def _stop(self, futures: "Sequence[Future[int]] | Any") -> None:
        """Ask all jobs to stop and wait; a second Ctrl-C kills them."""
        self._stopping.set()
        for future in futures:
            future.cancel()
        for process in list(self._running.values()):
            process.terminate()
        with contextlib.suppress(KeyboardInterrupt):
            wait([future for future in futures if not future.cancelled()], _PATIENCE_SECONDS)
        for process in list(self._running.values()):
            process.kill()


def _listen(process: "subprocess.Popen[str]", job: Job, on_event: OnEvent) -> None:
    """Hand over the job and pass on what it says until it ends.

    Standard input stays open meanwhile: its end tells the process that this one is gone.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(job.content) + "\n")
        process.stdin.flush()
    except BrokenPipeError:
        pass  # it ended at once; its status says how
    for line in process.stdout:
        try:
            event = json.loads(line)
        except ValueError:
            continue  # something else printed it
        if isinstance(event, dict):
            on_event(job.name, event)
    process.wait()


def _await(futures: Any) -> None:
    """Wait for all, waking now and then, since a signal is not heard in the middle of a wait."""
    pending = set(futures)
    while pending:
        done, pending = wait(pending, _WAKE_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()


def _visible_gpu(index: int) -> str:
    """The name of the GPU of that index among those that this process sees."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    names = [name.strip() for name in seen.split(",") if name.strip()]
    return names[index] if index < len(names) else str(index)
