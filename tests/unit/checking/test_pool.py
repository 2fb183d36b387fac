"""Work done by processes: in order, errors handed on, nothing left running."""

import multiprocessing
import os
import signal
from contextlib import closing

import pytest

from crosscam.checking.pool import map_in_order
from crosscam.errors import DataError


def square(number):
    return number * number


def fail_at_seven(number):
    if number == 7:
        raise ValueError("seven")
    return number


def die_at_seven(number):
    if number == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.mark.parametrize("jobs", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 100])
def test_answers_come_in_order(jobs, count):
    assert list(map_in_order(square, range(count), jobs=jobs)) == [n * n for n in range(count)]
    assert not multiprocessing.active_children()


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_the_work_raises_is_raised_here_in_its_turn(jobs):
    done = []
    with pytest.raises(ValueError, match="seven"):
        done.extend(map_in_order(fail_at_seven, range(20), jobs=jobs))
    assert done == list(range(7))
    assert not multiprocessing.active_children()


def test_a_process_that_the_system_ends_is_an_error_of_ours():
    with pytest.raises(DataError, match="ended by the system.*use fewer --jobs"):
        list(map_in_order(die_at_seven, range(20), jobs=2))
    assert not multiprocessing.active_children()


def test_leaving_early_ends_the_processes():
    with closing(map_in_order(square, range(1000), jobs=2)) as answers:
        assert next(answers) == 0
        assert len(multiprocessing.active_children()) == 2
    assert not multiprocessing.active_children()
