"""What a page of failures says of a ranking, against the rules in the plainest way."""

from dataclasses import replace

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscam.evaluation.switches import without_cameras
from crosscam.ranking.rank import rank_embeddings
from crosscam.ranking.ranked import NOBODY, rank_gallery
from crosscam.report.failure_hubs import AMONG, find_hubs
from crosscam.report.failure_labels import MOST, find_suspicions
from crosscam.report.failures import KINDS, SHOWN, find_failures
from crosscam.types import Embeddings


@st.composite
def problems(draw):
    """Integer features, whose distances tie and are exact, with a sure match for query 0."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    queries, gallery = draw(st.sampled_from([1, 8, 30])), draw(st.sampled_from([1, 5, 40, 90]))
    features = rng.integers(-3, 4, (queries + gallery, 3)).astype(np.float32)
    pids, camids = rng.integers(-1, 4, queries + gallery), rng.integers(0, 3, queries + gallery)
    pids[0] = pids[queries] = 2
    camids[0], camids[queries] = 0, 1
    both = Embeddings(features, pids, camids)
    query, gallery = (
        Embeddings(both.features[part], both.pids[part], both.camids[part])
        for part in (slice(queries), slice(queries, None))
    )
    if draw(st.booleans()):
        return query, gallery
    return without_cameras(query), without_cameras(gallery)


def ranking(query, gallery, place):
    """(squared distance, is a match, position) of all that counts, of a tie the wrong one first."""
    found = []
    for position, candidate in enumerate(gallery.features):
        is_match = bool(gallery.pids[position] == query.pids[place])
        same_camera = query.camids is not None and query.camids[place] == gallery.camids[position]
        if gallery.pids[position] != -1 and not (is_match and same_camera):
            distance = oracle.squared_distance(query.features[place], candidate)
            found.append((distance, is_match, position))
    return sorted(found)


@pytest.mark.slow
@given(problems())
def test_places_are_ranks(problem):
    query, gallery = problem
    failures = find_failures(rank_gallery(query, gallery, metric="euclidean"))
    for place in range(len(query.pids)):
        expected = ranking(query, gallery, place)
        shown = expected[:SHOWN]
        there = failures.ranked[place] != NOBODY
        assert there.tolist() == [True] * len(shown) + [False] * (SHOWN - len(shown))
        ours = failures.ranked[place][there].tolist()
        assert len(set(ours)) == len(ours)
        squares = [
            oracle.squared_distance(query.features[place], gallery.features[one]) for one in ours
        ]
        assert squares == [distance for distance, _, _ in shown]
        assert failures.distances[place][there].tolist() == np.sqrt(squares).tolist()
        assert failures.is_match[place][there].tolist() == [match for _, match, _ in shown]
        span = slice(*failures.matches.offsets[place : place + 2])
        ranks = [rank for rank, (_, match, _) in enumerate(expected, start=1) if match]
        assert failures.match_ranks[span].tolist() == ranks
        matches = {position for _, match, position in expected if match}
        assert set(failures.matches.images[span].tolist()) == matches
        assert (np.diff(failures.matches.distances[span]) >= 0).all()
        for rank, image in zip(ranks, failures.matches.images[span], strict=True):
            if rank <= SHOWN:
                assert failures.ranked[place, rank - 1] == image
        own = failures.own.images[slice(*failures.own.offsets[place : place + 2])]
        is_own = (gallery.pids == query.pids[place]) & (gallery.pids != -1)
        assert sorted(own.tolist()) == np.flatnonzero(is_own).tolist()


@given(problems())
def test_kinds_and_the_order_follow_from_the_scores(problem):
    failures = find_failures(rank_gallery(*problem, metric="euclidean"))
    scores = rank_embeddings(*problem, metric="euclidean", max_rank=SHOWN)
    np.testing.assert_array_equal(failures.scores.first_match_ranks, scores.first_match_ranks)
    np.testing.assert_array_equal(failures.scores.average_precisions, scores.average_precisions)
    bounds = {"right": (1, 1), "near": (2, 5), "later": (6, 20), "beyond": (21, 10**9)}
    bounds["unmatched"] = (0, 0)
    for kind, first in zip(failures.kinds, scores.first_match_ranks, strict=True):
        low, high = bounds[KINDS[kind]]
        assert low <= first <= high
    assert sum(failures.counts().values()) == scores.num_queries
    keys = [
        (first == 0, -first, precision if first else 0)
        for first, precision in zip(
            scores.first_match_ranks, scores.average_precisions, strict=True
        )
    ]
    assert [keys[place] for place in failures.worst_first] == sorted(keys)
    assert sorted(failures.worst_first.tolist()) == list(range(scores.num_queries))


@given(problems())
def test_hubs_are_counted_one_by_one(problem):
    query, gallery = problem
    failures = find_failures(rank_gallery(query, gallery, metric="euclidean"))
    ranks = {}
    for place, row in enumerate(failures.ranked):
        for rank, image in enumerate(row[:AMONG].tolist(), start=1):
            if image != NOBODY and gallery.pids[image] != query.pids[place]:
                ranks.setdefault(image, {})[place] = rank
    mean = np.mean([len(found) for found in ranks.values()]) if ranks else 0
    expected = {
        image: found
        for image, found in ranks.items()
        if list(found.values()).count(1) >= 2 or len(found) >= max(10, 3 * mean)
    }
    hubs = find_hubs(failures, query.pids)
    assert {hub.image for hub in hubs} == set(expected)
    for hub in hubs:
        found = expected[hub.image]
        assert hub.at_first == list(found.values()).count(1)
        assert hub.among == len(found)
        assert hub.people == len({int(query.pids[place]) for place in found})
        assert list(hub.queries) == sorted(found, key=lambda place: (found[place], place))
    order = [(-hub.at_first, -hub.among) for hub in hubs]
    assert order == sorted(order)


def suspected(failures, query, gallery, below, above):
    """What is suspected, pair by pair: of two people (distance, pairs), of one, of one camera."""
    alike, nearest, in_camera = {}, {}, set()
    for place, pid in enumerate(query.pids.tolist()):
        difference = gallery.features.astype(float) - query.features[place]
        distances = np.sqrt(np.square(difference).sum(axis=1))
        for image in failures.ranked[place].tolist():
            if image != NOBODY and gallery.pids[image] != pid and distances[image] < below:
                people = frozenset((pid, int(gallery.pids[image])))
                alike.setdefault(people, []).append(distances[image])
        for image in np.flatnonzero((gallery.pids == pid) & (pid != -1)).tolist():
            pair = (distances[image], place, image)
            for side in (("query", place), ("gallery", image)):
                nearest[side] = min(nearest.get(side, pair), pair)
            same_camera = query.camids is not None and query.camids[place] == gallery.camids[image]
            if same_camera and pair[0] > above:
                in_camera.add(pair)
    apart = {pair for pair in nearest.values() if pair[0] > above}
    return sorted((min(found), len(found)) for found in alike.values()), apart, in_camera


def _firsts(failures):
    return failures.scores.first_match_ranks[failures.matches.queries]


@pytest.mark.slow
@given(problems(), st.integers(0, 2**32))
def test_suspicions_are_those_of_all_pairs(problem, seed):
    rng = np.random.default_rng(seed)
    query, gallery = (  # moved a little, so that no two distances are equal
        replace(
            side,
            features=side.features + 0.1 * rng.standard_normal((len(side.pids), 3), np.float32),
        )
        for side in problem
    )
    failures = find_failures(rank_gallery(query, gallery, metric="euclidean"))
    found = find_suspicions(failures, query, gallery, metric="euclidean")
    alike, apart, in_camera = suspected(
        failures, query, gallery, found.alike_below, found.apart_above
    )
    np.testing.assert_allclose(
        np.reshape([(suspect.distance, suspect.pairs) for suspect in found.alike], (-1, 2)),
        np.reshape(alike[:MOST], (-1, 2)),
    )
    differences = query.features[:, None].astype(float) - gallery.features
    distances = np.sqrt(np.square(differences).sum(axis=2))  # few enough for all to be sampled
    different = (query.pids[:, None] != gallery.pids) & (gallery.pids != -1)
    if different.any():
        np.testing.assert_allclose(found.apart_above, np.median(distances[different]))
    firsts = failures.matches.distances[failures.match_ranks == _firsts(failures)]
    np.testing.assert_allclose(found.alike_below, np.quantile(firsts, 0.05))
    for ours, expected in ((found.apart, apart), (found.apart_in_camera, in_camera)):
        pairs = [(suspect.query, suspect.image) for suspect in ours]
        assert pairs == [pair[1:] for pair in sorted(expected, reverse=True)[:MOST]]
