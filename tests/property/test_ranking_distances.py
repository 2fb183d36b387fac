"""`rank_distances` by the rules of `rank`, from a matrix or from blocks of its rows."""

from dataclasses import astuple

import numpy as np
import oracle
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import crosscam


def assert_equal(one, other):
    for ours, theirs in zip(astuple(one), astuple(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@st.composite
def problems(draw):
    """Integer features, whose squared distances are exact, with a sure match for query 0."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    queries, gallery = draw(st.integers(1, 8)), draw(st.integers(1, 14))
    features = rng.integers(-3, 4, (queries + gallery, 3)).astype(np.float32)
    pids, camids = rng.integers(-1, 4, queries + gallery), rng.integers(0, 3, queries + gallery)
    pids[0] = pids[queries] = 2
    camids[0], camids[queries] = 0, 1
    pids[:queries] = abs(pids[:queries])
    return tuple(
        array[part]
        for array in (features, pids, camids)
        for part in (slice(queries), slice(queries, None))
    )


def distances_of(problem):
    return np.array(
        [[oracle.squared_distance(query, image) for image in problem[1]] for query in problem[0]]
    )


@given(problems(), st.integers(1, 9))
def test_scores_are_those_of_rank(problem, size):
    expected = crosscam.rank(*problem, max_rank=9)
    distances, labels = distances_of(problem), problem[2:]
    for given_distances in (
        distances,
        torch.from_numpy(distances).float(),
        (distances[start : start + size] for start in range(0, len(distances), size)),
    ):
        assert_equal(expected, crosscam.rank_distances(given_distances, *labels, max_rank=9))


@given(problems())
def test_a_rising_function_of_distances_changes_nothing(problem):
    distances = distances_of(problem)
    assert_equal(
        crosscam.rank_distances(distances, *problem[2:]),
        crosscam.rank_distances(np.sqrt(distances) * 3 - 7, *problem[2:]),
    )


@pytest.mark.parametrize(
    ("distances", "message"),
    [
        (np.zeros((2, 3)), r"must be \(2, 2\) in all, but the rows from 0 on are \(2, 3\)"),
        (np.zeros((3, 2)), r"must be \(2, 2\) in all"),
        (np.zeros(2), "must be"),
        ([np.zeros((1, 2))], "have 1 rows, but there are 2 query pids"),
        ([np.zeros((1, 2)), np.zeros((2, 2))], r"the rows from 1 on are \(2, 2\)"),
        (np.full((2, 2), np.nan), "distances of query 0 hold NaN"),
    ],
)
def test_what_does_not_fit_is_refused(distances, message):
    with pytest.raises(crosscam.CrosscamError, match=message):
        crosscam.rank_distances(distances, [1, 2], [1, 2])


def test_an_infinite_distance_is_the_furthest():
    scores = crosscam.rank_distances(np.array([[np.inf, 1.0]]), [1], [1, 2])
    assert scores.first_match_ranks.tolist() == [2]
