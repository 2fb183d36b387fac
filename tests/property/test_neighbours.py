"""Neighbours equal those of all float64 distances, bit for bit, however the work is divided."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crosscam.ranking import candidates
from crosscam.ranking.compiling import SWITCH, compiled_available
from crosscam.ranking.distances import pair_distances
from crosscam.ranking.neighbours import nearest, search

METRICS = st.sampled_from(["euclidean", "cosine"])


@st.composite
def feature_sets(draw):
    """Clusters tight and wide, near the origin and far from it, with rows that are equal."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    queries, gallery = draw(st.integers(1, 30)), draw(st.integers(1, 120))
    dims, clusters = draw(st.sampled_from([1, 2, 7, 33])), draw(st.sampled_from([1, 2, 10]))
    spread = draw(st.sampled_from([0.0, 1e-7, 1e-3, 1.0]))
    centres = rng.standard_normal((clusters, dims)) + draw(st.sampled_from([0, 3, 1000]))
    features = centres[rng.integers(0, clusters, queries + gallery)]
    features = features + spread * rng.standard_normal(features.shape)
    features = (features * 10.0 ** draw(st.sampled_from([-30, 0, 20]))).astype(np.float32)
    repeated = rng.random(len(features)) < draw(st.sampled_from([0, 0.5]))
    features[repeated] = features[rng.integers(0, len(features), repeated.sum())]
    return torch.from_numpy(features[:queries]), torch.from_numpy(features[queries:])


def of_all_distances(queries, gallery, k, metric):
    rows, columns = np.divmod(np.arange(len(queries) * len(gallery)), len(gallery))
    distances = pair_distances(queries[rows], gallery[columns], metric)
    distances = distances.numpy().reshape(len(queries), len(gallery))
    indices = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return indices, np.take_along_axis(distances, indices, axis=1), distances.max(axis=1)


def assert_exact(found, expected):
    np.testing.assert_array_equal(found.neighbours.indices, expected[0])
    np.testing.assert_array_equal(found.neighbours.distances, expected[1])


@pytest.mark.slow
@given(feature_sets(), METRICS, st.integers(1, 150), st.integers(1, 60), st.sampled_from("01"))
def test_neighbours_are_those_of_all_distances(features, metric, k, block, compiled):
    queries, gallery = features
    k = min(k, len(gallery))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SWITCH, compiled)
        found = search(queries, gallery, k, metric, block=block)
        itself = search(gallery, gallery, k, metric, block=block)
    expected = of_all_distances(queries, gallery, k, metric)
    assert_exact(found, expected)
    assert_exact(itself, of_all_distances(gallery, gallery, k, metric))
    np.testing.assert_allclose(found.furthest, expected[2], rtol=1e-3, atol=1e-15)


@given(feature_sets(), METRICS, st.integers(1, 40))
def test_candidates_may_be_measured_at_any_time(features, metric, most):
    queries, gallery = features
    k = min(5, len(gallery))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "_MOST_PENDING", most)
        found = search(queries, gallery, k, metric, block=16)
    assert_exact(found, of_all_distances(queries, gallery, k, metric))


@pytest.mark.parametrize("compiled", ["0", "1"])
def test_threads_change_nothing(compiled, monkeypatch):
    monkeypatch.setenv(SWITCH, compiled)
    features = torch.randn(300, 40, generator=torch.Generator().manual_seed(0))
    found = []
    for threads in (1, 2, 5):
        torch.set_num_threads(threads)
        found.append(nearest(features[:90], features, k=9))
    for one, other in itertools.pairwise(found):
        np.testing.assert_array_equal(one.indices, other.indices)
        np.testing.assert_array_equal(one.distances, other.distances)


def test_there_are_compiled_loops_to_compare_with():
    pytest.importorskip("numba")
    assert compiled_available()
