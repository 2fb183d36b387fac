"""Re-ranking and expansion against the reference values and slow independent code."""

import dense
import golden
import numpy as np
import pytest
import torch

import crosscam
from crosscam.ranking.compiling import SWITCH
from crosscam.ranking.expansion import augment_gallery, expand_queries

REFERENCE = golden.load("metrics")
CASES = ("plain", "absent", "one_camera_mostly")


def clusters(queries, gallery, dims=12, seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((12, dims))
    features = centres[rng.integers(0, 12, queries + gallery)]
    features = (features + 0.5 * rng.standard_normal(features.shape)).astype(np.float32)
    return features[:queries], features[queries:]


@pytest.mark.parametrize("compiled", ["0", "1"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy])
def test_distances_are_the_reference_ones(case, convert, compiled, monkeypatch):
    monkeypatch.setenv(SWITCH, compiled)
    features = [dense.unit(REFERENCE[f"{case}.{side}"]) for side in ("query", "gallery")]
    distances = crosscam.rerank(*(convert(array.astype(np.float32)) for array in features))
    expected = REFERENCE[f"{case}.rerank_normalised_squared_euclidean"]
    assert isinstance(distances, np.ndarray)
    assert distances.dtype == np.float32
    assert np.abs(distances - expected).max() < 1e-6


@pytest.mark.parametrize("case", CASES)
def test_scores_are_the_reference_ones(case):
    features = [dense.unit(REFERENCE[f"{case}.{side}"]) for side in ("query", "gallery")]
    labels = [
        REFERENCE[f"{case}.{name}"]
        for name in ("query_pids", "gallery_pids", "query_camids", "gallery_camids")
    ]
    scores = crosscam.rank_distances(
        crosscam.rerank_blocks(*features, query_block=7), *labels, max_rank=20
    )
    assert np.abs(scores.cmc - REFERENCE[f"{case}.rerank.cmc"]).max() < 1e-6
    assert scores.mAP == pytest.approx(float(REFERENCE[f"{case}.rerank.mAP"]), abs=1e-6)


@pytest.mark.parametrize(
    ("k1", "k2", "lambda_value"),
    [(20, 6, 0.3), (7, 3, 0.1), (5, 1, 0.5), (1, 1, 0), (3, 9, 1), (30, 20, 0.7), (500, 500, 0.3)],
)
def test_distances_are_those_of_sets_and_dense_vectors(k1, k2, lambda_value):
    features = clusters(25, 70)
    expected = dense.rerank(*features, k1, k2, lambda_value)
    distances = crosscam.rerank(*features, k1=k1, k2=k2, lambda_value=lambda_value)
    assert np.abs(distances - expected).max() < 1e-6


@pytest.mark.parametrize("alpha", [0, 0.5, 3.0])
@pytest.mark.parametrize("count", [1, 4, 20])
def test_expansion_is_that_of_whole_matrices(count, alpha):
    queries, gallery = clusters(15, 40)
    expanded = expand_queries(queries, gallery, count=count, alpha=alpha)
    assert np.abs(expanded - dense.moved(queries, gallery, count, alpha)).max() < 1e-6
    itself = [(index, index) for index in range(len(gallery))]
    augmented = augment_gallery(gallery, count=count, alpha=alpha)
    expected = dense.moved(gallery, gallery, count, alpha, leave_out=itself)
    assert np.abs(augmented - expected).max() < 1e-6
