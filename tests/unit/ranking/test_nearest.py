"""Single rankings, as the report shows them."""

import numpy as np
import pytest

import crosscam
from crosscam.ranking.nearest import rank_one, sample_distances
from crosscam.ranking.rank import rank_embeddings
from crosscam.types import Embeddings


def embeddings(count, seed, *, cameras=True):
    rng = np.random.default_rng(seed)
    return Embeddings(
        rng.integers(-2, 3, (count, 3)).astype(np.float32) + np.float32(0.5),
        rng.integers(-1, 5, count),
        rng.integers(0, 3, count) if cameras else None,
    )


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("cameras", [True, False])
def test_a_shown_ranking_is_the_scored_one(metric, cameras):
    queries, gallery = embeddings(20, 0, cameras=cameras), embeddings(60, 1, cameras=cameras)
    scores = rank_embeddings(queries, gallery, metric=metric)
    for query in range(20):
        ranking = rank_one(query, queries, gallery, metric=metric, first=60)
        places = np.flatnonzero(ranking.correct) + 1
        assert (places[0] if len(places) else 0) == scores.first_match_ranks[query]
        if len(places):
            precision = np.mean(np.arange(1, len(places) + 1) / places)
            assert precision == pytest.approx(scores.average_precisions[query])
        assert (np.diff(ranking.distances) >= 0).all()
        assert (gallery.pids[ranking.indices] != -1).all()


def test_distances_are_euclidean_not_squared():
    queries = Embeddings(np.zeros((1, 2), np.float32), np.array([1]), None)
    gallery = Embeddings(np.array([[3, 4], [0, 1]], np.float32), np.array([1, 2]), None)
    same, different = sample_distances(queries, gallery, metric="euclidean")
    assert same.tolist() == [5]
    assert different.tolist() == [1]
    assert crosscam.rank(
        queries.features, gallery.features, queries.pids, gallery.pids
    ).first_match_ranks.tolist() == [2]
