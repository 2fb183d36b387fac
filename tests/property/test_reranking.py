"""What may not change a re-ranked distance, and what may only move it along."""

import dense
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import crosscam
from crosscam.ranking.compiling import SWITCH
from crosscam.ranking.expansion import augment_gallery, expand_queries


@st.composite
def problems(draw, *, ties=True):
    """(queries, gallery, k1, k2, lambda): small integers full of ties, or points in clusters."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    queries, gallery = draw(st.integers(1, 12)), draw(st.integers(1, 40))
    dims = draw(st.integers(1, 4)) if ties else 6
    if ties:
        features = rng.integers(-2, 3, (queries + gallery, dims))
    else:
        centres = rng.standard_normal((4, dims))
        features = centres[rng.integers(0, 4, queries + gallery)]
        features = features + 0.3 * rng.standard_normal(features.shape)
    features = features.astype(np.float32)
    settings = (draw(st.integers(1, 25)), draw(st.integers(1, 9)), draw(st.floats(0, 1)))
    return (features[:queries], features[queries:], *settings)


def reranked(problem, compiled, query_block=256):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(SWITCH, compiled)
        return np.concatenate(list(crosscam.rerank_blocks(*problem, query_block=query_block)))


@pytest.mark.slow
@given(problems())
def test_ties_are_settled_as_by_sorting_all(problem):
    assert np.abs(crosscam.rerank(*problem) - dense.rerank(*problem)).max() < 2e-6


@pytest.mark.slow
@given(problems(), st.integers(1, 13))
def test_both_ways_are_equal_to_the_bit(problem, query_block):
    jaccard = (*problem[:-1], 0.0)  # the product's last bits may depend on the block
    np.testing.assert_array_equal(reranked(jaccard, "1"), reranked(jaccard, "0", query_block))
    blocks = reranked(problem, "0", query_block)
    assert np.abs(reranked(problem, "1") - blocks).max() < 1e-6


@pytest.mark.slow
@given(problems(ties=False), st.randoms(use_true_random=False))
def test_the_order_of_the_gallery_goes_along(problem, random):
    queries, gallery, *settings = problem
    order = list(range(len(gallery)))
    random.shuffle(order)
    shuffled = crosscam.rerank(queries, gallery[order], *settings)
    assert np.abs(shuffled - crosscam.rerank(*problem)[:, order]).max() < 1e-6


@given(problems(), st.integers(-60, 60), st.integers(-100, 100))
def test_scale_and_place_change_nothing(problem, exponent, shift):
    queries, gallery, *settings = problem
    factor = np.float32(2.0**exponent)
    moved = crosscam.rerank((queries + shift) * factor, (gallery + shift) * factor, *settings)
    assert np.abs(moved - crosscam.rerank(*problem)).max() < 1e-6


@given(problems(ties=False), st.integers(0, 5))
def test_expansion_needs_no_length_and_no_order(problem, alpha):
    queries, gallery, count = problem[:3]
    count = min(count, len(gallery))
    expected = expand_queries(queries, gallery, count=count, alpha=alpha)
    assert np.abs(np.linalg.norm(expected, axis=1) - 1).max() < 1e-6
    scaled = expand_queries(queries * 8, gallery[::-1].copy() / 4, count=count, alpha=alpha)
    assert np.abs(scaled - expected).max() < 1e-6
    if len(gallery) > count:
        both_ways = []
        for compiled in "01":
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(SWITCH, compiled)
                both_ways.append(augment_gallery(torch.from_numpy(gallery), count=count))
        np.testing.assert_array_equal(*both_ways)
