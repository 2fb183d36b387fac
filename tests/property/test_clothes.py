"""Protocols of clothes against exact arithmetic, and the ways to a ranking against each other."""

from dataclasses import astuple

import numpy as np
import oracle
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from crosscam.decisions.decide import decide
from crosscam.decisions.pairs import pair_histogram
from crosscam.errors import InputError
from crosscam.evaluation.evaluate import score_embeddings
from crosscam.ranking.matches import Labels
from crosscam.ranking.rank import rank_embeddings
from crosscam.ranking.rank_distances import rank_labelled_distances
from crosscam.ranking.ranked import rank_gallery
from crosscam.ranking.scoring import score_ranking
from crosscam.settings.evaluation import EvaluationSettings
from crosscam.types import Embeddings

MAX_RANK = 12
PROTOCOLS = {"other": "clothes-changing", "same": "same-clothes"}


@st.composite
def problems(draw):
    """Queries and a gallery of integer features, full of ties, whose people change clothes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    queries, gallery = draw(st.integers(1, 6)), draw(st.integers(1, 14))
    has_cameras = draw(st.booleans())

    def side(count, least):
        return Embeddings(
            rng.integers(-2, 3, (count, 3)).astype(np.float32),
            rng.integers(least, 3, count),
            rng.integers(0, 3, count) if has_cameras else None,
            clothes=rng.integers(0, 3, count),
        )

    return side(queries, 0), side(gallery, -1)


def wearing(query, gallery, clothes):
    """For the oracle: whether a gallery image of the query's person wears what it is to."""
    return lambda asked, image: (
        (query.clothes[asked] == gallery.clothes[image]) == (clothes == "same")
    )


@pytest.mark.slow
@given(problems(), st.sampled_from(["other", "same"]))
@settings(max_examples=50, deadline=None)
def test_scores_equal_exact_arithmetic_on_every_way_to_them(problem, clothes):
    query, gallery = problem
    try:
        scores = rank_embeddings(
            query, gallery, metric="euclidean", clothes=clothes, max_rank=MAX_RANK
        )
    except InputError:
        assume(False)
    cmc, mean_precision, mean_penalty, valid = oracle.scores(
        *(query.features, gallery.features, query.pids, gallery.pids),
        *(query.camids, gallery.camids, MAX_RANK, wearing(query, gallery, clothes)),
    )
    np.testing.assert_allclose(scores.cmc, [float(share) for share in cmc], rtol=1e-14)
    assert scores.mAP == pytest.approx(float(mean_precision), rel=1e-14)
    assert scores.mINP == pytest.approx(float(mean_penalty), rel=1e-14)
    assert scores.num_valid_queries == valid

    ranking = rank_gallery(query, gallery, metric="euclidean", clothes=clothes)
    distances = np.array(
        [
            [oracle.squared_distance(one, other) for other in gallery.features]
            for one in query.features
        ]
    )
    others = (
        score_ranking(ranking, max_rank=MAX_RANK),
        rank_labelled_distances(
            distances, Labels.between(query, gallery, clothes=clothes), max_rank=MAX_RANK
        ),
        score_embeddings(
            query,
            gallery,
            metric="euclidean",
            settings=EvaluationSettings(protocol=PROTOCOLS[clothes]),
            max_rank=MAX_RANK,
        ),
    )
    for other in others:
        for ours, theirs in zip(astuple(scores), astuple(other), strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
@given(problems(), st.sampled_from(["other", "same"]))
@settings(max_examples=25, deadline=None)
def test_pairs_that_count_are_those_of_the_ranking(problem, clothes):
    query, gallery = problem
    ranking = rank_gallery(query, gallery, metric="euclidean", clothes=clothes)
    try:
        pairs = pair_histogram(query, gallery, metric="euclidean", clothes=clothes)
    except InputError:
        assume(False)
    assert pairs.genuine.sum() == len(ranking.matches.images)
    different = query.pids[:, None] != gallery.pids
    assert pairs.impostor.sum() == (different & (gallery.pids != -1)).sum()


def test_a_match_in_other_clothes_and_the_querys_own_ones():
    """One query; of its person a near image in its clothes, a far one in others, one in between."""
    query = Embeddings(np.zeros((1, 1), np.float32), [7], [1], clothes=[2])
    features = np.array([[1], [2], [3], [4]], np.float32)
    gallery = Embeddings(features, [7, 8, 7, 7], [2, 2, 2, 1], clothes=[2, 2, 5, 6])
    found = {
        clothes: rank_embeddings(query, gallery, metric="euclidean", clothes=clothes)
        for clothes in ("same", "other", None)
    }
    assert {key: one.first_match_ranks.tolist() for key, one in found.items()} == {
        "same": [1],
        "other": [2],
        None: [1],
    }
    assert [found[key].mAP for key in ("same", "other")] == [1, 0.5]
    assert found[None].mAP == pytest.approx((1 + 2 / 3) / 2)
    for clothes, count in (("same", 1), ("other", 1), (None, 2)):
        decided = decide(query, gallery, metric="euclidean", calibration=None, clothes=clothes)
        assert decided.pairs.genuine.sum() == count


def test_clothes_that_are_not_known_cannot_be_asked_for():
    one = Embeddings(np.eye(2, dtype=np.float32), [1, 2], [1, 2])
    for call in (rank_embeddings, rank_gallery, pair_histogram):
        with pytest.raises(InputError, match="to wear other clothes, but who wears which is not"):
            call(one, one, metric="euclidean", clothes="other")
    with pytest.raises(InputError, match="clothes"):
        Embeddings(np.eye(2, dtype=np.float32), [1, 2], [1, 2], clothes=[1])
