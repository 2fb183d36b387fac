"""The ranking in one pass: its parts are those of rankings and searches made for each alone."""

from dataclasses import astuple, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crosscam
from crosscam.errors import InputError
from crosscam.evaluation.switches import without_cameras
from crosscam.ranking import ranked
from crosscam.ranking.compiling import SWITCH
from crosscam.ranking.distances import in_units
from crosscam.ranking.neighbours import nearest
from crosscam.ranking.rank import rank_embeddings
from crosscam.ranking.ranked import rank_gallery
from crosscam.ranking.scoring import score_ranking
from crosscam.types import Embeddings


@st.composite
def problems(draw):
    """Queries and a gallery: near and far, equal and apart, about 0 or far off, junk in both."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    queries, gallery = draw(st.sampled_from([1, 9, 40])), draw(st.sampled_from([3, 30, 150]))
    dims, people = draw(st.sampled_from([1, 2, 16])), draw(st.sampled_from([1, 3, 20]))
    pids = rng.integers(0, people, queries + gallery)
    features = rng.standard_normal((people, dims))[pids]
    features += draw(st.sampled_from([0.0, 1e-6, 0.5])) * rng.standard_normal(features.shape)
    if draw(st.booleans()):
        features = np.round(features)  # ties
    features = features * draw(st.sampled_from([1e-12, 1.0, 1e10])) + 1e-30
    features[:queries] += draw(st.sampled_from([0, 0, 50]))
    features += draw(st.sampled_from([0, 3, 1000]))
    pids[rng.random(len(pids)) < 0.1] = -1
    camids = rng.integers(0, 4, len(pids))
    pids[0] = pids[queries] = 0
    camids[0], camids[queries] = 0, 1
    features = features.astype(np.float32)
    one, other = slice(queries), slice(queries, None)
    query = Embeddings(features[one], pids[one], camids[one])
    return query, Embeddings(features[other], pids[other], camids[other])


def assert_equal(one, other):
    for ours, theirs in zip(astuple(one), astuple(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
@given(problems(), st.sampled_from(["euclidean", "cosine"]), st.booleans(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_scores_are_those_of_rank_and_neighbours_those_of_a_search(test, metric, leaves_out, plain):
    query, gallery = test
    if metric == "cosine" and not all(side.features.any(axis=1).all() for side in test):
        return
    with pytest.MonkeyPatch.context() as patch:
        if plain:
            patch.setenv(SWITCH, "0")
            patch.setattr(ranked, "_QUERY_BLOCK", 7)
            patch.setattr(ranked, "_GALLERY_BLOCK", 11)
        found = rank_gallery(query, gallery, metric=metric, leaves_out_cameras=leaves_out, first=5)
    sides = test if leaves_out else [without_cameras(side) for side in test]
    assert_equal(score_ranking(found), rank_embeddings(*sides, metric=metric))
    counts = np.flatnonzero(gallery.pids != -1)
    everything = nearest(query.features, gallery.features[counts], k=len(counts), metric=metric)
    for place, pid in enumerate(query.pids):
        images, distances = counts[everything.indices[place]], everything.distances[place]
        is_wrong = gallery.pids[images] != pid
        there = found.wrong[place] >= 0
        assert found.wrong[place][there].tolist() == images[is_wrong][:5].tolist()
        np.testing.assert_array_equal(found.wrong_distances[place][there], distances[is_wrong][:5])
        assert np.isinf(found.wrong_distances[place][~there]).all()
        own = slice(*found.own.offsets[place : place + 2])
        assert found.own.images[own].tolist() == images[~is_wrong].tolist()
        np.testing.assert_array_equal(found.own.distances[own], distances[~is_wrong])


@pytest.mark.slow
@given(problems(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_ranks_by_camera_are_those_of_its_images_alone(test, leaves_out):
    query, gallery = test
    found = rank_gallery(query, gallery, metric="euclidean", leaves_out_cameras=leaves_out)
    queries, cameras = found.matches.queries, gallery.camids[found.matches.images]
    for camid in np.unique(cameras):
        kept = gallery.camids == camid
        seen = Embeddings(gallery.features[kept], gallery.pids[kept], gallery.camids[kept])
        alone = rank_gallery(query, seen, metric="euclidean", leaves_out_cameras=leaves_out)
        assert alone.matches.queries.tolist() == queries[cameras == camid].tolist()
        assert alone.ranks.tolist() == found.camera_ranks[cameras == camid].tolist()


def test_the_first_are_the_beginning_of_the_ranking():
    features = np.array([[1.0], [2.0], [2.0], [3.0], [9.0]], np.float32)
    query = Embeddings(np.zeros((1, 1), np.float32), [7], [1])
    gallery = Embeddings(features, [8, 7, 9, 7, 7], [2, 2, 2, 1, 2])
    first = rank_gallery(query, gallery, metric="euclidean", first=5).first()
    assert first.images.tolist() == [[0, 2, 1, 4, -1]]  # of a tie the wrong one first
    assert first.is_match.tolist() == [[False, False, True, True, False]]
    assert first.distances.tolist() == [[1, 4, 4, 81, np.inf]]
    found = rank_gallery(query, gallery, metric="euclidean")
    assert in_units(found.matches.nearest, "euclidean").tolist() == [2]


def test_nothing_to_rank():
    one = Embeddings(np.eye(2, dtype=np.float32), [1, 2], [1, 2])
    nothing = Embeddings(np.zeros((0, 2), np.float32), [], [])
    empty = rank_gallery(one, nothing, metric="euclidean", first=3)
    assert empty.first().images.tolist() == [[-1] * 3] * 2
    assert np.isinf(empty.matches.nearest).all()
    assert rank_gallery(nothing, one, metric="euclidean").first().images.shape == (0, 20)


def test_what_is_refused():
    sides = [Embeddings(np.eye(2, dtype=np.float32), [1, 2], [1, 2]) for _ in range(2)]
    with pytest.raises(InputError, match="first must be an integer"):
        rank_gallery(*sides, metric="cosine", first=0)
    with pytest.raises(InputError, match="camids for the query and the gallery"):
        rank_gallery(without_cameras(sides[0]), sides[1], metric="cosine")
    with pytest.raises(InputError, match="none of the 2 queries"):
        score_ranking(rank_gallery(*sides, metric="cosine"))
    zero = replace(sides[0], features=np.zeros((2, 2), np.float32))
    with pytest.raises(crosscam.CrosscamError, match="zero"):
        rank_gallery(zero, sides[1], metric="cosine")
