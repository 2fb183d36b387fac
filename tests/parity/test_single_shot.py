"""The expected scores of single-shot galleries, against all galleries and against drawn ones."""

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscam.errors import InputError
from crosscam.ranking.single_shot import rank_chances, rank_single_shot
from crosscam.types import Embeddings


def embeddings(features, pids, camids):
    camids = None if camids is None else np.array(camids)
    return Embeddings(np.array(features, dtype=np.float32), np.array(pids), camids)


@st.composite
def tiny_tests(draw):
    """Integer features on few places, so that ties are many; few people, so draws are few."""
    queries, images = draw(st.integers(1, 3)), draw(st.integers(1, 9))
    with_cameras = draw(st.booleans())

    def some(count, low, high):
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    def one_side(count):
        features = [some(2, -2, 2) for _ in range(count)]
        return features, some(count, -1, 4), some(count, 1, 2) if with_cameras else None

    return one_side(queries), one_side(images)


@given(tiny_tests())
def test_they_are_the_means_over_every_gallery(sides):
    query, gallery = sides
    expected = [
        oracle.single_shot_scores(
            features,
            gallery[0],
            query[1][index],
            gallery[1],
            None if query[2] is None else query[2][index],
            gallery[2],
        )
        for index, features in enumerate(query[0])
    ]
    valid = [chances for chances, inverse in expected if inverse is not None]
    if not valid:
        with pytest.raises(InputError, match="has a true match in the gallery"):
            rank_single_shot(embeddings(*query), embeddings(*gallery), metric="euclidean")
        return
    scores = rank_single_shot(
        embeddings(*query), embeddings(*gallery), metric="euclidean", max_rank=12
    )
    assert scores.num_valid_queries == len(valid)
    assert scores.num_queries == len(query[0])
    inverses = [np.nan if inverse is None else float(inverse) for _, inverse in expected]
    np.testing.assert_allclose(scores.average_precisions, inverses, rtol=1e-12)
    assert scores.mAP == scores.mINP == pytest.approx(np.nanmean(inverses), rel=1e-12)
    for rank in range(1, 13):
        share = sum(float(sum(chances[:rank])) for chances in valid) / len(valid)
        assert scores.cmc[rank - 1] == pytest.approx(share, abs=1e-12)
        assert scores.at_rank(rank) == pytest.approx(share, abs=1e-12)


def noise(seed, *, people=30, each=4):
    """People as clouds that overlap, each seen by two cameras."""
    rng = np.random.default_rng(seed)
    pids = np.repeat(np.arange(people), 2 * each)
    features = rng.standard_normal((people, 8))[pids] + rng.standard_normal((len(pids), 8))
    return embeddings(features, pids, np.tile(np.repeat([1, 2], each), people))


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_they_are_what_random_galleries_tend_to(metric):
    """Seeded draws: of each person one of 8 images, of the query's one of 4 of the other camera."""
    images = noise(0)
    scores = rank_single_shot(images, images, metric=metric)
    features = images.features.astype(np.float64)
    if metric == "cosine":
        features /= np.linalg.norm(features, axis=1, keepdims=True)
    distances = ((features[:, None] - features) ** 2).sum(-1)
    rng, draws, everyone = np.random.default_rng(1), [], np.arange(len(features))
    for _ in range(400):
        drawn = 8 * np.arange(30) + rng.integers(0, 8, (len(features), 30))
        other = rng.integers(0, 4, len(features)) + np.where(images.camids == 1, 4, 0)
        true = distances[everyone, 8 * images.pids + other]
        ahead = distances[everyone[:, None], drawn] <= true[:, None]
        ahead[everyone, images.pids] = False
        ranks = 1 + ahead.sum(axis=1)
        draws.append([(ranks == 1).mean(), (ranks <= 5).mean(), (1 / ranks).mean()])
    means, errors = np.mean(draws, axis=0), np.std(draws, axis=0) / np.sqrt(len(draws))
    exact = np.array([scores.at_rank(1), scores.at_rank(5), scores.mAP])
    assert 0.1 < exact[0] < exact[1] < 0.95  # neither trivial nor hopeless
    assert (np.abs(means - exact) < 4 * errors).all()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_neither_order_nor_junk_nor_the_same_camera_counts(metric):
    images = noise(2, people=8, each=2)
    before = rank_single_shot(images, images, metric=metric)
    order = np.random.default_rng(3).permutation(len(images.pids))
    gallery = embeddings(
        np.concatenate([images.features[order], images.features[:4]]),
        np.concatenate([images.pids[order], [-1] * 4]),
        np.concatenate([images.camids[order], images.camids[:4]]),
    )
    after = rank_single_shot(images, gallery, metric=metric)
    np.testing.assert_allclose(after.average_precisions, before.average_precisions, rtol=1e-12)
    np.testing.assert_allclose(after.cmc, before.cmc, rtol=1e-12)


def test_a_collapsed_model_scores_worst():
    """Duplicates of one point at any place: ties, which the product alone would not see as such."""
    features = np.tile(np.random.default_rng(4).standard_normal(64) * 1000, (40, 1))
    images = embeddings(features, np.repeat(np.arange(10), 4), np.tile([1, 1, 2, 2], 10))
    for metric in ("euclidean", "cosine"):
        scores = rank_single_shot(images, images, metric=metric)
        assert scores.cmc[8] == 0
        assert scores.cmc[9] == pytest.approx(1)
        assert scores.mAP == pytest.approx(0.1)


def test_near_ties_are_those_of_float64_distances():
    """A wrong image one unit of float32 nearer or further, far from the origin, is told apart."""
    far = np.float32(4096)
    step = np.nextafter(far, np.float32(np.inf)) - far
    for side, first in ((-step, 0.0), (np.float32(0), 0.0), (step, 1.0)):
        gallery = embeddings([[far], [far + side]], [1, 2], [2, 2])
        scores = rank_single_shot(embeddings([[0]], [1], [1]), gallery, metric="euclidean")
        assert scores.at_rank(1) == first


def test_chances_of_a_sum_of_chances():
    chances = rank_chances(np.array([[0.5, 0.5], [1.0, 0.25], [0.0, 0.0]]))
    np.testing.assert_allclose(chances, [[0.25, 0.5, 0.25], [0, 0.75, 0.25], [1, 0, 0]])
    many = rank_chances(np.random.default_rng(5).random((3, 200)))
    np.testing.assert_allclose(many.sum(axis=1), 1)
    assert (many >= 0).all()


@pytest.mark.parametrize(
    ("features", "metric", "max_rank", "message"),
    [
        ([[0.0, 0.0]], "cosine", 5, "a zero feature has no cosine"),
        ([[1.0, 2.0, 3.0]], "euclidean", 5, "2 dimensions, gallery features 3"),
        ([[1.0, 2.0]], "euclidean", 0, "max_rank must be an integer from 1"),
    ],
)
def test_what_cannot_be_ranked_is_refused(features, metric, max_rank, message):
    query = embeddings([[1.0, 1.0]], [1], [1])
    with pytest.raises(InputError, match=message):
        rank_single_shot(query, embeddings(features, [1], [2]), metric=metric, max_rank=max_rank)
    with pytest.raises(InputError, match="ranks start at 1"):
        rank_single_shot(query, embeddings([[1, 1]], [1], [2]), metric=metric).at_rank(0)
