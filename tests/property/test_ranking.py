"""`rank` against exact arithmetic, and what may not change a score."""

from dataclasses import astuple

import numpy as np
import oracle
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

import crosscam

MAX_RANK = 12


@st.composite
def problems(draw, *, largest=3, cameras=True):
    """Small problems of integer features, full of ties, with junk, and at least one valid query."""
    count = st.integers(1, 8)
    queries, gallery, dims = draw(count), draw(st.integers(1, 14)), draw(st.integers(1, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def features(rows):
        return rng.integers(-largest, largest + 1, (rows, dims)).astype(np.float32)

    problem = {
        "query_features": features(queries),
        "gallery_features": features(gallery),
        "query_pids": rng.integers(0, 4, queries),
        "gallery_pids": rng.integers(-1, 4, gallery),
        "query_camids": rng.integers(0, 3, queries) if cameras else None,
        "gallery_camids": rng.integers(0, 3, gallery) if cameras else None,
    }
    assume(_has_a_valid_query(problem))
    return problem


def _has_a_valid_query(problem):
    for index, pid in enumerate(problem["query_pids"]):
        same = problem["gallery_pids"] == pid
        if problem["query_camids"] is not None:
            same &= problem["gallery_camids"] != problem["query_camids"][index]
        if same.any():
            return True
    return False


def _rank(problem, **settings):
    return crosscam.rank(*problem.values(), max_rank=MAX_RANK, **settings)


def _assert_equal(one, other):
    for ours, theirs in zip(astuple(one), astuple(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(st.one_of(problems(), problems(cameras=False), problems(largest=0), problems(largest=50)))
def test_scores_equal_exact_arithmetic(problem):
    scores = _rank(problem)
    cmc, mean_precision, mean_penalty, valid = oracle.scores(*problem.values(), MAX_RANK)
    np.testing.assert_allclose(scores.cmc, [float(share) for share in cmc], rtol=1e-14)
    assert scores.mAP == pytest.approx(float(mean_precision), rel=1e-14)
    assert scores.mINP == pytest.approx(float(mean_penalty), rel=1e-14)
    assert scores.num_valid_queries == valid
    assert 0 < scores.mINP <= 1


@given(problems(), st.integers(1, 9), st.integers(1, 15))
def test_blocks_change_nothing(problem, query_block, gallery_block):
    blocks = _rank(problem, query_block=query_block, gallery_block=gallery_block)
    _assert_equal(_rank(problem), blocks)


@given(problems(), st.randoms(use_true_random=False))
def test_the_order_of_the_gallery_changes_nothing(problem, random):
    order = list(range(len(problem["gallery_pids"])))
    random.shuffle(order)
    shuffled = {
        name: values[order] if name.startswith("gallery") else values
        for name, values in problem.items()
    }
    _assert_equal(_rank(problem), _rank(shuffled))


@given(problems(), st.integers(-60, 60), st.sampled_from(["euclidean", "cosine"]))
def test_scaling_by_a_power_of_two_changes_nothing(problem, exponent, metric):
    scaled = dict(problem)
    for name in ("query_features", "gallery_features"):
        problem[name] = problem[name] + np.float32(0.25)  # no zero vectors
        scaled[name] = problem[name] * np.float32(2.0**exponent)
    _assert_equal(_rank(problem, metric=metric), _rank(scaled, metric=metric))


@given(problems(), st.integers(0, 2**32))
def test_junk_and_the_querys_own_camera_change_nothing(problem, seed):
    rng = np.random.default_rng(seed)
    dims = problem["gallery_features"].shape[1]
    junk = {"pids": np.full(5, -1), "camids": rng.integers(0, 3, 5)}
    query = int(rng.integers(len(problem["query_pids"])))
    alone = {name: values[[query]] for name, values in problem.items() if name.startswith("query")}
    gallery = {name: values for name, values in problem.items() if name.startswith("gallery")}
    one = {
        "query_features": alone["query_features"],
        "gallery_features": gallery["gallery_features"],
        "query_pids": alone["query_pids"],
        "gallery_pids": gallery["gallery_pids"],
        "query_camids": alone["query_camids"],
        "gallery_camids": gallery["gallery_camids"],
    }
    assume(_has_a_valid_query(one))
    more = dict(one)
    features = rng.integers(-3, 4, (8, dims)).astype(np.float32)
    own = np.repeat(one["query_pids"], 3), np.repeat(one["query_camids"], 3)
    more["gallery_features"] = np.concatenate([one["gallery_features"], features])
    more["gallery_pids"] = np.concatenate([one["gallery_pids"], junk["pids"], own[0]])
    more["gallery_camids"] = np.concatenate([one["gallery_camids"], junk["camids"], own[1]])
    _assert_equal(_rank(one), _rank(more))


@given(problems(), st.integers(0, 7))
def test_a_nearer_match_never_scores_worse(problem, query):
    """Put one more positive of a query right onto it."""
    query %= len(problem["query_pids"])
    one = {
        name: values[[query]] if name.startswith("query") else values
        for name, values in problem.items()
    }
    one = {key: one[key] for key in problem}
    assume(_has_a_valid_query(one))
    before = _rank(one)
    more = dict(one)
    more["gallery_features"] = np.concatenate([one["gallery_features"], one["query_features"]])
    more["gallery_pids"] = np.concatenate([one["gallery_pids"], one["query_pids"]])
    more["gallery_camids"] = np.concatenate([one["gallery_camids"], one["query_camids"] + 1])
    assert _rank(more).first_match_ranks[0] <= before.first_match_ranks[0]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("dims", [3, 64, 700])
def test_blocks_order_and_threads_change_nothing_where_almost_all_is_a_tie(metric, dims):
    """Real-valued features in tight clusters, which float32 alone cannot order."""
    rng = np.random.default_rng(dims)
    centres = rng.standard_normal((5, dims)) + 4
    cluster = rng.integers(0, 5, 300)
    features = (centres[cluster] * (1 + 1e-8 * rng.integers(0, 2, (300, 1)))).astype(np.float32)
    pids, camids = rng.integers(0, 9, 300), rng.integers(0, 3, 300)

    def score(order, **blocks):
        return crosscam.rank(
            features[:40],
            features[40:][order],
            pids[:40],
            pids[40:][order],
            camids[:40],
            camids[40:][order],
            metric=metric,
            **blocks,
        )

    expected = score(np.arange(260))
    assert 0 < expected.mAP < 1
    torch.set_num_threads(1)
    _assert_equal(expected, score(rng.permutation(260), query_block=7, gallery_block=33))
    torch.set_num_threads(2)
    _assert_equal(expected, score(rng.permutation(260), query_block=64, gallery_block=100))


def test_scores_are_those_of_float64_distances():
    """Distances that differ by less than float32 can tell are still ordered."""
    query = np.array([[1000.0]], dtype=np.float32)
    gallery = np.array([[0.0], [-0.0001], [-0.0002]], dtype=np.float32)
    pids = np.array([2, 1, 3])
    scores = crosscam.rank(query, gallery, np.array([1]), pids)
    assert scores.first_match_ranks.tolist() == [2]
