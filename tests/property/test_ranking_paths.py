"""The compiled loops and torch's operations give the same scores, bit for bit, from any memory."""

import itertools
from dataclasses import astuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import crosscam
from crosscam.ranking import rank as ranking
from crosscam.ranking.compiling import SWITCH, compiled_available
from crosscam.ranking.counting import TorchCounting, counting_on
from crosscam.ranking.distances import pair_distances


def assert_equal(one, other):
    for ours, theirs in zip(astuple(one), astuple(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def ranked_both_ways(problem, **given_settings):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(SWITCH, raising=False)
        compiled = crosscam.rank(*problem, **given_settings)
        patch.setenv(SWITCH, "0")
        assert not compiled_available()
        plain = crosscam.rank(*problem, **given_settings)
    assert_equal(compiled, plain)
    return compiled


@st.composite
def problems(draw):
    """Clusters tight and wide, few people or many, junk, cameras; some queries without a match."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    queries, gallery = draw(st.integers(1, 30)), draw(st.integers(20, 300))
    dims, people = draw(st.sampled_from([1, 2, 7, 33])), draw(st.sampled_from([1, 2, 10, 60]))
    spread = draw(st.sampled_from([0.0, 1e-7, 1e-3, 1.0]))
    centres = rng.standard_normal((people, dims)) + draw(st.sampled_from([0, 3]))
    pids = rng.integers(0, people, queries + gallery)
    features = centres[pids] + spread * rng.standard_normal((queries + gallery, dims))
    features = (features * 10.0 ** draw(st.sampled_from([-30, 0, 20]))).astype(np.float32)
    pids[queries:][rng.random(gallery) < 0.1] = -1
    pids[queries], pids[0] = pids[0], pids[queries]
    pids[0] = pids[queries] = abs(pids[0])
    camids = rng.integers(0, 3, queries + gallery)
    camids[0], camids[queries] = 0, 1
    arrays = (features, pids, camids if draw(st.booleans()) else None)
    return tuple(
        None if array is None else array[part]
        for array in arrays
        for part in (slice(queries), slice(queries, None))
    )


@pytest.mark.slow
@pytest.mark.skipif(not compiled_available(), reason="numba is not installed")
@settings(max_examples=60, deadline=None)
@given(
    problems(), st.sampled_from(["euclidean", "cosine"]), st.integers(1, 40), st.integers(1, 400)
)
def test_both_ways_are_equal(problem, metric, query_block, gallery_block):
    scores = ranked_both_ways(problem, metric=metric)
    blocks = ranked_both_ways(
        problem, metric=metric, query_block=query_block, gallery_block=gallery_block
    )
    assert_equal(scores, blocks)


@pytest.mark.skipif(not compiled_available(), reason="numba is not installed")
@pytest.mark.parametrize(
    ("metric", "dims"),
    [("euclidean", 0), *itertools.product(["euclidean", "cosine"], [1, 2, 3, 5, 64, 257])],
)
def test_both_ways_measure_pairs_alike_to_the_bit(metric, dims):
    rng = np.random.default_rng(dims)
    queries, gallery = (
        torch.from_numpy(rng.standard_normal((9, dims)).astype(np.float32)) for _ in range(2)
    )
    rows, columns = rng.integers(0, 9, (2, 50))
    with counting_on(torch.device("cpu")) as compiled:
        measured = compiled.measure(queries, gallery, rows, columns, metric)
    plain = TorchCounting().measure(queries, gallery, rows, columns, metric)
    np.testing.assert_array_equal(measured, plain)
    expected = pair_distances(queries[rows], gallery[columns], metric)
    np.testing.assert_array_equal(measured, expected.numpy())


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(5)
    pids, camids = rng.integers(0, 30, 500), rng.integers(0, 4, 500)
    features = rng.standard_normal((30, 24))[pids] + 2 * rng.standard_normal((500, 24))
    arrays = (features.astype(np.float32), pids, camids)
    return tuple(array[part] for array in arrays for part in (slice(90), slice(90, None)))


def test_many_positives_and_rank_by_all_distances(problem):
    queries, gallery = (torch.from_numpy(features).double() for features in problem[:2])
    distances = (queries[:, None] - gallery[None]).square().sum(dim=2)
    assert_equal(ranked_both_ways(problem), crosscam.rank_distances(distances, *problem[2:]))


def test_features_may_lie_in_read_only_files(problem, tmp_path):
    expected = crosscam.rank(*problem)
    for dtype in (np.float32, np.float64, ">f4"):
        maps = []
        for index, features in enumerate(problem[:2]):
            np.save(tmp_path / f"{index}.npy", features.astype(dtype))
            maps.append(np.load(tmp_path / f"{index}.npy", mmap_mode="r"))
        assert_equal(expected, crosscam.rank(*maps, *problem[2:], gallery_block=33))


def test_strided_and_reversed_features_are_taken(problem):
    wide = np.repeat(problem[0], 2, axis=1)[:, ::2]
    backwards = problem[1][::-1]
    scores = crosscam.rank(
        wide, backwards, problem[2], problem[3][::-1], problem[4], problem[5][::-1]
    )
    assert_equal(crosscam.rank(*problem), scores)


def test_queries_held_a_few_at_a_time_change_nothing(problem, monkeypatch):
    expected = crosscam.rank(*problem)
    monkeypatch.setattr(ranking, "_HELD_PAIRS", 40)
    assert_equal(expected, crosscam.rank(*problem))
    monkeypatch.setattr(ranking, "_HELD_BYTES", 7 * 4 * 24)
    assert_equal(expected, crosscam.rank(*problem))


def test_features_are_not_changed(problem):
    before = [array.copy() for array in problem]
    for metric in ("euclidean", "cosine"):
        crosscam.rank(*problem, metric=metric)
    for array, copy in zip(problem, before, strict=True):
        np.testing.assert_array_equal(array, copy)
