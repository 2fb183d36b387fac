"""Work done by processes, in order, and no process left behind."""

import multiprocessing
import signal
from collections.abc import Callable, Generator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, NamedTuple, TypeVar

from crosscam.errors import DataError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_AHEAD = 8


class _Worker(NamedTuple):
    process: BaseProcess
    pipe: Connection


class _Answer(NamedTuple, Generic[_Result]):
    result: _Result | None
    error: Exception | None


def map_in_order(
    work: Callable[[_Item], _Result], items: Sequence[_Item], *, jobs: int
) -> Generator[_Result, None, None]:
    """`work` of each item, in the order of the items, done by `jobs` processes.

    With one job it is done in this process. Closing the generator, or leaving it by an exception,
    ends the processes at once; if this process is killed, they notice and end by themselves.
    Raises what `work` raises, and `DataError` if the system ended a process.
    """
    if min(jobs, len(items)) <= 1:
        yield from map(work, items)
        return
    workers: list[_Worker] = []
    try:
        workers.extend(_start(work) for _ in range(min(jobs, len(items))))
        yield from _answers(workers, items)
    except (EOFError, ConnectionError):
        raise DataError(
            "a process that opens images was ended by the system, often for want of memory; "
            "use fewer --jobs"
        ) from None
    finally:
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.process.join()
            worker.pipe.close()


def _start(work: Callable[[_Item], _Result]) -> _Worker:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=_serve, args=(work, theirs, ours), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _answers(workers: Sequence[_Worker], items: Sequence[_Item]) -> Generator[_Result, None, None]:
    """Hand out items, never far ahead of the one that is due, and give answers in order."""
    idle = [worker.pipe for worker in workers]
    busy: dict[Connection, int] = {}
    answers: dict[int, _Answer[_Result]] = {}
    handed = 0
    for due in range(len(items)):
        while due not in answers:
            while idle and handed < min(len(items), due + _AHEAD * len(workers)):
                pipe = idle.pop()
                pipe.send(items[handed])
                busy[pipe] = handed
                handed += 1
            for ready in wait(list(busy)):
                assert isinstance(ready, Connection)
                answers[busy.pop(ready)] = ready.recv()
                idle.append(ready)
        answer = answers.pop(due)
        if answer.error is not None:
            raise answer.error
        yield answer.result  # type: ignore[misc]  # there is a result where there is no error


def _serve(work: Callable[[_Item], _Result], pipe: Connection, other_end: Connection) -> None:
    """A worker: answers until the pipe is closed. Ctrl-C is for the main process to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    other_end.close()
    try:
        while True:
            pipe.send(_answer(work, pipe.recv()))
    except (EOFError, OSError):
        return


def _answer(work: Callable[[_Item], _Result], item: _Item) -> _Answer[_Result]:
    try:
        return _Answer(work(item), None)
    except Exception as error:  # noqa: BLE001 - it is raised again in the main process
        return _Answer(None, error)
