"""Scores by pair of cameras."""

import dataclasses

import numpy as np
import pytest

import crosscam
from crosscam.errors import DataError, InputError
from crosscam.evaluation.camera_pairs import CameraPair, camera_pairs, refuse_camera_pairs
from crosscam.ranking.ranked import rank_gallery
from crosscam.settings.evaluation import PLAIN, EvaluationSettings
from crosscam.types import Embeddings


def embeddings(seed, count):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((count, 4)).astype(np.float32)
    return Embeddings(features, rng.integers(-1, 6, count), rng.integers(1, 5, count))


def line(places, pids, camids):
    features = np.array(places, dtype=np.float32).reshape(-1, 1)
    return Embeddings(features, np.array(pids), np.array(camids))


def pairs_of(query, gallery, *, metric="euclidean", leaves_out_cameras=True):
    settings = {"metric": metric, "leaves_out_cameras": leaves_out_cameras}
    return camera_pairs(query, gallery, rank_gallery(query, gallery, **settings))


def test_a_case_on_paper():
    # Person 7 of camera 1 is nearest in camera 2, second in camera 3; camera 4 saw only others.
    query = line([0, 0, 5], [7, 9, 8], [1, 1, 3])
    gallery = line([1, 2, 3, 1, 2, 1], [7, 8, 7, 8, 7, 8], [2, 2, 1, 3, 3, 4])
    assert pairs_of(query, gallery) == (
        CameraPair(1, 2, 2, 1, 1.0, 1.0),
        CameraPair(1, 3, 2, 1, 0.0, 0.5),
        CameraPair(3, 2, 1, 1, 1.0, 1.0),
        CameraPair(3, 4, 1, 1, 1.0, 1.0),
    )
    everywhere = pairs_of(query, gallery, leaves_out_cameras=False)
    same = [pair for pair in everywhere if pair.query_camid == pair.gallery_camid]
    assert same == [CameraPair(1, 1, 2, 1, 1.0, 1.0), CameraPair(3, 3, 1, 1, 0.0, 0.5)]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_a_pair_is_a_ranking_of_its_own(metric):
    query, gallery = embeddings(0, 60), embeddings(1, 150)
    pairs = pairs_of(query, gallery, metric=metric)
    assert len(pairs) == 12
    for pair in pairs:
        ours, theirs = query.camids == pair.query_camid, gallery.camids == pair.gallery_camid
        scores = crosscam.rank(
            query.features[ours],
            gallery.features[theirs],
            query.pids[ours],
            gallery.pids[theirs],
            query.camids[ours],
            gallery.camids[theirs],
            metric=metric,
        )
        assert (pair.rank1, pair.mAP) == (scores.at_rank(1), scores.mAP)
        assert (pair.num_queries, pair.num_valid_queries) == (ours.sum(), scores.num_valid_queries)
        drawn = crosscam.confidence_intervals(scores, query.pids[ours]).by_figure
        assert (pair.rank1_interval, pair.mAP_interval) == (drawn["rank1"], drawn["mAP"])
        assert pair.to_json()["mAP"] == pair.mAP
        assert pair.to_json()["mAP_interval"] == drawn["mAP"].to_json()


def test_without_pairs_there_are_none():
    one = line([0, 1], [1, 1], [1, 1])
    assert pairs_of(one, one) == ()
    blind = dataclasses.replace(one, camids=None)
    with pytest.raises(InputError, match="need camera ids"):
        camera_pairs(blind, blind, rank_gallery(blind, blind, metric="euclidean"))


def test_tests_that_have_no_pairs_are_refused(tiny_market):
    dataset = crosscam.load_dataset("market1501", tiny_market)
    refuse_camera_pairs(PLAIN, dataset)
    with pytest.raises(InputError, match="re-ranking by the whole gallery"):
        refuse_camera_pairs(EvaluationSettings(rerank=True), dataset)
    with pytest.raises(InputError, match="draws its gallery from all cameras"):
        refuse_camera_pairs(EvaluationSettings("single-shot"), dataset)
    query = tuple(sample._replace(camid=None) for sample in dataset.query)
    gallery = tuple(sample._replace(camid=None) for sample in dataset.gallery)
    blind = dataclasses.replace(dataset, train=(), query=query, gallery=gallery)
    with pytest.raises(DataError, match="no camera ids, so no pairs"):
        refuse_camera_pairs(PLAIN, blind)
