"""From a model and a data set to scores: each switch against a plain oracle."""

import dataclasses

import numpy as np
import pytest
import torch
from golden import DATA
from PIL import Image, ImageOps
from tiny import write_market

import crosscam
from crosscam.data.transforms import Preprocess
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.samples import embed_samples
from crosscam.errors import DataError, InputError
from crosscam.evaluation.evaluate import embed_test, score_embeddings
from crosscam.evaluation.pooling import pool_queries
from crosscam.evaluation.switches import expanded, unit_rows
from crosscam.ranking.expansion import augment_gallery, expand_queries
from crosscam.ranking.rank import rank_embeddings
from crosscam.ranking.reranking import rerank
from crosscam.settings.evaluation import PLAIN, EvaluationSettings
from crosscam.types import Embeddings, ExpectedScores, Sample


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return crosscam.create_model("resnet18", num_classes=2).eval()


@pytest.fixture(scope="module")
def embedder(model):
    return Embedder.of_network(model, Preprocess(64, 32))


@pytest.fixture(scope="module")
def by_hand(tmp_path_factory):
    """A small Market-1501 with `gt_bbox`."""
    return write_market(tmp_path_factory.mktemp("by-hand"), people=3, by_hand=2)


def noise(seed, count, *, cameras=True):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((count, 6)).astype(np.float32)
    camids = rng.integers(0, 3, count) if cameras else None
    return Embeddings(features, rng.integers(0, 5, count), camids)


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_a_flipped_feature_is_the_mean_of_two(model, embedder, tiny_market):
    samples = crosscam.load_dataset("market1501", tiny_market).query[:5]
    told = []
    flipped = embed_samples(embedder, samples, batch_size=2, flip=True, on_batch=told.append)
    assert sum(told) == 5
    for sample, feature in zip(samples, flipped.features, strict=True):
        with Image.open(sample.path) as image, torch.inference_mode():
            resized = embedder.preprocess.resize(image.convert("RGB"))
            both = [
                model(embedder.preprocess.normalise(one).unsqueeze(0)).numpy()[0]
                for one in (resized, ImageOps.mirror(resized))
            ]
        close(feature, (both[0] + both[1]) / 2)
        assert not np.allclose(feature, both[0], rtol=1e-3)


def test_multi_query_pools_what_the_camera_has_of_the_person(embedder, by_hand):
    dataset = crosscam.load_dataset("market1501", by_hand, multi_query=True)
    own = embed_samples(embedder, dataset.multi_query).features
    for pooling, pool in (("mean", np.mean), ("max", np.max)):
        settings = EvaluationSettings(multi_query=pooling).resolve(dataset)
        query, gallery = embed_test(embedder, dataset, settings=settings)
        assert len(gallery.pids) == len(dataset.gallery)
        assert query.pids.tolist() == [sample.pid for sample in dataset.query]
        assert query.camids.tolist() == [sample.camid for sample in dataset.query]
        for row, sample in enumerate(dataset.query):
            places = [
                place
                for place, image in enumerate(dataset.multi_query)
                if (image.pid, image.camid) == (sample.pid, sample.camid)
            ]
            assert len(places) == 2
            close(query.features[row], pool(own[places], axis=0))
    scores = crosscam.evaluate(embedder, dataset, settings=EvaluationSettings(multi_query="mean"))
    assert scores.num_valid_queries == len(dataset.query)


def test_a_query_without_images_to_pool_is_refused():
    query = [Sample(DATA / "a.jpg", 3, 1)]
    images = Embeddings(np.ones((1, 2), np.float32), np.array([3]), np.array([2]))
    with pytest.raises(DataError, match=r"no image of person 3 in camera 1 .*a\.jpg"):
        pool_queries(query, images, "mean")
    with pytest.raises(DataError, match="needs camera ids"):
        pool_queries([query[0]._replace(camid=None)], images, "mean")


def test_the_gallery_is_augmented_then_the_queries_expanded():
    query, gallery = noise(0, 12), noise(1, 40)
    assert expanded(query, gallery, PLAIN) == (query, gallery)
    ours, theirs = unit_rows(query.features), unit_rows(gallery.features)
    only_queries = expanded(query, gallery, EvaluationSettings(expand=3))
    close(only_queries[0].features, expand_queries(ours, theirs, count=3))
    close(only_queries[1].features, theirs)
    only_gallery = expanded(query, gallery, EvaluationSettings(augment=2, alpha=3.0))
    close(only_gallery[0].features, ours)
    augmented = augment_gallery(theirs, count=2, alpha=3.0)
    close(only_gallery[1].features, augmented)
    both = expanded(query, gallery, EvaluationSettings(augment=2, expand=4, alpha=3.0))
    close(both[0].features, expand_queries(ours, augmented, count=4, alpha=3.0))
    assert both[0].pids is query.pids
    zero = dataclasses.replace(query, features=np.zeros_like(query.features))
    with pytest.raises(InputError, match="12 of 12 features are zero"):
        expanded(zero, gallery, EvaluationSettings(expand=3))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_re_ranked_distances_are_ranked(metric):
    query, gallery = noise(2, 15), noise(3, 60)
    settings = EvaluationSettings(rerank=True, k1=8, k2=3, lambda_value=0.2)
    scores = score_embeddings(query, gallery, metric=metric, settings=settings)
    sides = [query.features, gallery.features]
    if metric == "cosine":
        sides = [side / np.linalg.norm(side, axis=1, keepdims=True) for side in sides]
    distances = rerank(*sides, 8, 3, 0.2)
    for row in range(15):
        own = gallery.pids == query.pids[row]
        true = own & (gallery.camids != query.camids[row])
        nearest = 1 + (distances[row][~own] <= distances[row][true].min()).sum()
        assert scores.first_match_ranks[row] == nearest
    plain = score_embeddings(query, gallery, metric=metric, settings=PLAIN)
    assert plain.mAP == rank_embeddings(query, gallery, metric=metric).mAP != scores.mAP


@pytest.mark.parametrize("rerank", [False, True])
def test_without_cameras_no_image_is_left_out(rerank):
    query, gallery = noise(4, 15), noise(5, 60)
    settings = EvaluationSettings("no-cameras", rerank=rerank)
    scores = score_embeddings(query, gallery, metric="euclidean", settings=settings)
    blind = [dataclasses.replace(side, camids=None) for side in (query, gallery)]
    expected = score_embeddings(
        *blind, metric="euclidean", settings=EvaluationSettings(rerank=rerank)
    )
    assert scores.mAP == expected.mAP
    assert scores.mAP != rank_embeddings(query, gallery, metric="euclidean").mAP


def test_classic_splits_are_scored_by_single_shot(embedder):
    dataset = crosscam.load_dataset("cuhk03", DATA / "cuhk03", variant="classic-labeled:0")
    scores = crosscam.evaluate(embedder, dataset, max_rank=3)
    assert isinstance(scores, ExpectedScores)
    assert scores.num_valid_queries == len(dataset.query)
    assert scores.cmc[1] == pytest.approx(1)  # two people, so the second at the latest
    assert scores.mAP == pytest.approx(scores.cmc[0] + (1 - scores.cmc[0]) / 2)
    common = crosscam.evaluate(embedder, dataset, settings=EvaluationSettings("cross-camera"))
    assert isinstance(common, crosscam.Scores)
    assert set(common.to_json()) == set(scores.to_json())


def test_a_data_set_without_a_test_is_refused(embedder, tiny_market):
    dataset = crosscam.load_dataset("market1501", tiny_market)
    with pytest.raises(DataError, match="no query and gallery to evaluate on"):
        crosscam.evaluate(embedder, dataclasses.replace(dataset, query=(), gallery=()))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_gives_the_same_features(model, embedder, by_hand):
    dataset = crosscam.load_dataset("market1501", by_hand, multi_query=True)
    settings = EvaluationSettings(flip=True, multi_query="mean", augment=2, expand=2)
    here = embed_test(embedder, dataset, settings=settings)
    model.to("cuda")
    there = embed_test(embedder, dataset, settings=settings)
    model.to("cpu")
    for ours, theirs in zip(here, there, strict=True):
        assert np.abs(ours.features - theirs.features).max() < 1e-3
