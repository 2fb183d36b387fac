"""Worker processes. Each renders whole units, so that their number changes only the time."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import cache, partial

from crosscam.errors import RunError
from tools.render_people.plan import Picture, Plan, Settings, Unit, make_plan
from tools.render_people.workshop import Workshop

# One thread a process: the processes share the cores. Mesa's 0 means none beside its own.
_ONE_THREAD = {
    "LP_NUM_THREADS": "0",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}


@contextmanager
def rendered(plan: Plan, units: Sequence[Unit], jobs: int) -> Iterator[Iterator[list[Picture]]]:
    """The pictures of each unit, in order, from `jobs` processes, which end with the block.

    Raises `RunError` if one of them is killed.
    """
    os.environ.update(_ONE_THREAD)  # which the processes inherit, and read when they start
    pool = ProcessPoolExecutor(
        min(jobs, len(units)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
    )
    try:
        with _without_interrupts():
            results = pool.map(partial(_render, plan.settings), units)
        yield _checked(results)
    finally:
        for process in multiprocessing.active_children():
            process.kill()
        pool.shutdown(wait=True, cancel_futures=True)


def _checked(results: Iterator[list[Picture]]) -> Iterator[list[Picture]]:
    try:
        yield from results
    except BrokenProcessPool:
        raise RunError(
            "a worker process was ended, perhaps for want of memory (each takes 0.7 GB); "
            "go on with --resume and fewer --jobs"
        ) from None


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes started in here never get Ctrl-C; the one that started them ends them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@cache
def _workshop(settings: Settings) -> Workshop:
    """Made once a process."""
    return Workshop(make_plan(settings))


def _render(settings: Settings, unit: Unit) -> list[Picture]:
    return _workshop(settings).render(unit)
