"""Work done by processes: in order, errors handed on, nothing left running."""

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import pytest
from process_work import arrays_of, die_at_seven, fail_at_seven, leave_at_seven, square

from crosscam.errors import DataError
from crosscam.processes import map_in_order

METHODS = ["spawn"] if sys.platform == "win32" else ["fork", "spawn", "forkserver"]


def mapped(work, items, *, processes):
    return map_in_order(
        work, items, processes=processes, what="does this", advice="use fewer of them"
    )


@pytest.fixture(params=METHODS)
def _start_method(request):
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_start_method(request.param, force=True)
    yield
    multiprocessing.set_start_method(before, force=True)


@pytest.mark.parametrize("processes", [0, 1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 100])
def test_results_come_in_order(processes, count):
    results = mapped(square, iter(range(count)), processes=processes)
    assert list(results) == [n * n for n in range(count)]
    assert not multiprocessing.active_children()


@pytest.mark.slow
@pytest.mark.usefixtures("_start_method")
def test_any_way_to_start_a_process_will_do():
    for number, found in enumerate(mapped(arrays_of, range(6), processes=2)):
        wanted = arrays_of(number)
        assert found.keys() == wanted.keys()
        for key, value in wanted.items():
            np.testing.assert_array_equal(found[key], value, strict=True)
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("processes", [0, 1, 2])
def test_items_are_taken_only_a_little_ahead(processes):
    taken = itertools.count()
    items = (next(taken) for _ in range(1000))
    with closing(mapped(square, items, processes=processes)) as results:
        for due in range(20):
            next(results)
            time.sleep(0.001)
            ahead = next(taken)
            taken = itertools.count(ahead)
            assert due < ahead <= due + max(1, 2 * processes)


@pytest.mark.parametrize("processes", [0, 2])
def test_what_the_work_raises_is_raised_here_in_its_turn(processes):
    done = []
    with pytest.raises(ValueError, match="seven") as caught:
        done.extend(mapped(fail_at_seven, range(20), processes=processes))
    assert done == list(range(7))
    assert not multiprocessing.active_children()
    if processes:
        assert "fail_at_seven" in caught.value.__notes__[0]


@pytest.mark.parametrize(
    ("work", "ending"), [(die_at_seven, "signal 9"), (leave_at_seven, "status 3")]
)
@pytest.mark.parametrize("processes", [1, 2])
def test_a_process_that_the_system_ends_is_an_error_of_ours(work, ending, processes):
    wanted = rf"a process that does this was ended by the system \({ending}\).*use fewer of them"
    with pytest.raises(DataError, match=wanted):
        list(mapped(work, range(20), processes=processes))
    assert not multiprocessing.active_children()


def test_leaving_early_ends_the_processes():
    with closing(mapped(square, range(1000), processes=2)) as results:
        assert next(results) == 0
        assert len(multiprocessing.active_children()) == 2
    assert not multiprocessing.active_children()


def test_signals_to_the_group_do_not_end_a_process():
    with closing(mapped(square, range(1000), processes=2)) as results:
        assert [next(results), next(results)] == [0, 1]  # so both have begun
        for due in range(2, 12):
            assert next(results) == due * due
            for process in multiprocessing.active_children():
                os.kill(process.pid, signal.SIGTERM)
                os.kill(process.pid, signal.SIGINT)


@pytest.mark.slow
def test_a_program_that_ends_in_the_middle_does_not_wait_for_its_processes():
    program = (
        "from process_work import square; from crosscam.processes import map_in_order\n"
        "kept = map_in_order(square, range(99), processes=2, what='', advice='')\n"
        "assert next(kept) == 0\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment, timeout=60)
