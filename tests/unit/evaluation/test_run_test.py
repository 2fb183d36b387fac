"""What a test gives comes of one ranking: two passes over query x gallery, and no more."""

from types import SimpleNamespace

import numpy as np
import pytest

import crosscam
from crosscam.evaluation import run_test
from crosscam.evaluation.camera_pairs import camera_pairs
from crosscam.ranking import neighbours, rank, ranked
from crosscam.ranking.distances import Points
from crosscam.report.failures import find_failures
from crosscam.settings.evaluation import EvaluationSettings
from crosscam.types import Embeddings

QUERIES, GALLERY = 150, 1200


@pytest.fixture(scope="module")
def sides():
    rng = np.random.default_rng(0)

    def side(count):
        pids = rng.integers(0, 30, count)
        features = rng.standard_normal((30, 8))[pids] + rng.standard_normal((count, 8))
        return Embeddings(features, pids, rng.integers(0, 6, count))

    return side(QUERIES), side(GALLERY)


@pytest.fixture
def multiplied(monkeypatch):
    """Counts the pairs of every product that a ranking, a search or a histogram makes."""
    counts = []
    dots, distances = ranked.dot_products, Points.distances

    def counted_dots(product, queries, gallery, buffer):
        counts.append((queries.stop - queries.start) * (gallery.stop - gallery.start))
        return dots(product, queries, gallery, buffer)

    def counted_distances(points, queries):
        counts.append(len(queries) * len(points.points))
        return distances(points, queries)

    for module in (ranked, neighbours):
        monkeypatch.setattr(module, "dot_products", counted_dots)
    monkeypatch.setattr(Points, "distances", counted_distances)
    monkeypatch.setattr(rank, "_rank_matches", None)  # nobody ranks beside it
    return counts


def outcome_of(sides, **settings):
    embedder = SimpleNamespace(metric="euclidean", calibration=None)
    resolved = EvaluationSettings(**{"protocol": "cross-camera", **settings})
    return run_test._outcome(*sides, embedder, resolved, None)


def test_a_test_of_six_cameras_goes_over_all_pairs_twice(sides, multiplied):
    outcome = outcome_of(sides)
    find_failures(outcome.ranking)
    assert len(outcome.camera_pairs) == 30
    assert outcome.decisions.open_set is not None
    sample = QUERIES * 1024  # where the bins of the histogram lie
    assert sum(multiplied) <= 2.2 * QUERIES * GALLERY + sample


@pytest.mark.slow
def test_its_figures_are_those_of_the_parts_made_alone(sides):
    outcome = outcome_of(sides)
    query, gallery = sides
    scores = crosscam.rank(
        *(side.features for side in sides),
        *(side.pids for side in sides),
        *(side.camids for side in sides),
    )
    assert outcome.scores.to_json() == scores.to_json()
    assert outcome.intervals == {"scores": crosscam.confidence_intervals(scores, query.pids)}
    decisions = crosscam.decide(query, gallery, metric="euclidean", calibration=None)
    assert outcome.decisions.to_json() == decisions.to_json()
    assert outcome.camera_pairs == camera_pairs(query, gallery, outcome.ranking)


@pytest.mark.parametrize("protocol", ["no-cameras", "single-shot"])
def test_other_protocols_have_their_own(sides, protocol):
    outcome = outcome_of(sides, protocol=protocol)
    assert outcome.scores.num_valid_queries > 0
    counts = (len(outcome.ranking.matches.images), len(outcome.ranking.own.images))
    assert (counts[0] == counts[1]) == (protocol == "no-cameras")
    assert bool(outcome.camera_pairs) == (protocol == "no-cameras")


def test_re_ranked_scores_stand_beside_those_by_distance(sides):
    outcome = outcome_of(sides, rerank=True)
    assert outcome.not_reranked is outcome.by_distance
    assert set(outcome.intervals) == {"scores", "not_reranked"}
    assert outcome.scores.mAP != outcome.not_reranked.mAP
