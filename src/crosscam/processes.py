"""Work done by processes, in order, and no process left behind.

They share no locks and no queues: one that is killed leaves the others as they are, and is noticed
when the next result is asked for.
"""

import atexit
import itertools
import multiprocessing
import os
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

import torch

from crosscam.errors import CrosscamError, DataError
from crosscam.pipes import receive, send

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_AHEAD = 2  # items a process, so that it has the next one when it is done with one
_GROUP_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


def map_in_order(
    work: Callable[[_Item], _Result],
    items: Iterable[_Item],
    *,
    processes: int,
    what: str,
    advice: str,
) -> Generator[_Result, None, None]:
    """`work` of each item, in the order of the items, done by so many processes; 0 for this one.

    `work`, items and results are pickled. Items are taken as they are handed out, at most two a
    process from the result that is due on. Processes ignore the signals that reach a whole group,
    which the main one hears, and compute on one thread each. Closing the generator, or leaving it
    by an exception, ends them at once; if this process is killed, they notice and end by
    themselves. Raises what `work` raises, and `DataError` if the system ended a process:
    "a process that {what} was ended by the system ...; {advice}".
    """
    if processes < 1:
        yield from map(work, items)
        return
    with _started(work, processes) as workers:
        try:
            yield from _results(workers, enumerate(items))
        except (EOFError, ConnectionError):
            raise DataError(
                f"a process that {what} was ended by the system ({_ending(workers)}), often for "
                f"want of memory; {advice}"
            ) from None


@dataclass(frozen=True)
class _Worker:
    """A process, our end of the pipe to it, and the numbers of the items that it has, in order."""

    process: BaseProcess
    pipe: Connection
    pending: deque[int] = field(default_factory=deque)


class _Answer(NamedTuple, Generic[_Result]):
    result: _Result | None
    error: Exception | None


@contextmanager
def _started(work: Callable[[_Item], _Result], processes: int) -> Iterator[Sequence[_Worker]]:
    """While entered, so many processes wait for items; they end with it, or with this process."""
    workers: list[_Worker] = []
    end = partial(_end, workers)
    atexit.register(end)  # which is called before multiprocessing waits for them
    try:
        for _ in range(processes):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(target=_serve, args=(work, theirs, ours), daemon=True)
            process.start()
            theirs.close()
            workers.append(_Worker(process, ours))
        yield workers
    finally:
        end()
        atexit.unregister(end)


def _end(workers: Sequence[_Worker]) -> None:
    for worker in workers:
        worker.process.kill()
    for worker in workers:
        worker.process.join()
        worker.pipe.close()


def _ending(workers: Sequence[_Worker]) -> str:
    """How the process ended that is no more."""
    for sentinel in wait([worker.process.sentinel for worker in workers], timeout=1.0):
        process = next(each.process for each in workers if each.process.sentinel == sentinel)
        process.join()
        status = process.exitcode or 0
        return f"signal {-status}" if status < 0 else f"status {status}"
    return "it does not answer"


def _results(
    workers: Sequence[_Worker], todo: Iterator[tuple[int, Any]]
) -> Generator[Any, None, None]:
    answers: dict[int, _Answer[Any]] = {}
    for due in itertools.count():
        _collect(workers, answers, seconds=0)
        _hand_out(workers, todo, kept=len(answers))
        while due not in answers:
            if not any(worker.pending for worker in workers):
                return
            _collect(workers, answers, seconds=None)
            _hand_out(workers, todo, kept=len(answers))
        answer = answers.pop(due)
        if answer.error is not None:
            raise answer.error
        yield answer.result


def _collect(
    workers: Sequence[_Worker], answers: dict[int, _Answer[Any]], *, seconds: float | None
) -> None:
    """Take the answers that are there; wait so many seconds for one, or for ever."""
    busy = [worker for worker in workers if worker.pending]
    ready = wait([worker.pipe for worker in busy], timeout=seconds)
    for worker in busy:
        if worker.pipe in ready:
            answers[worker.pending.popleft()] = receive(worker.pipe)


def _hand_out(workers: Sequence[_Worker], todo: Iterator[tuple[int, Any]], *, kept: int) -> None:
    """Give items to those who have least to do; `kept` answers lie here already."""
    under_way = kept + sum(len(worker.pending) for worker in workers)
    for number, item in itertools.islice(todo, max(0, _AHEAD * len(workers) - under_way)):
        worker = min(workers, key=lambda each: len(each.pending))
        worker.pipe.send(item)
        worker.pending.append(number)


def _serve(work: Callable[[Any], Any], pipe: Connection, other_end: Connection) -> None:
    """What a process does: it answers until the pipe is closed, and then ends at once."""
    for name in _GROUP_SIGNALS:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    other_end.close()
    torch.set_num_threads(1)
    items: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, items), daemon=True).start()
    try:
        while True:
            send(pipe, _answer(work, items.get()))
    except OSError:
        return


def _listen(pipe: Connection, items: "SimpleQueue[Any]") -> None:
    """Take items as soon as they come, so that whoever sends them need not wait."""
    try:
        while True:
            items.put(pipe.recv())
    except (EOFError, OSError):
        os._exit(0)


def _answer(work: Callable[[Any], Any], item: Any) -> _Answer[Any]:
    try:
        return _Answer(work(item), None)
    except Exception as error:  # noqa: BLE001 - it is raised again in the main process
        if not isinstance(error, CrosscamError):
            error.add_note(traceback.format_exc())
        return _Answer(None, error)
