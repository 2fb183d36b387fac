"""`rerank` where there is little to rank or nothing to tell apart, and what it refuses."""

import tracemalloc

import numpy as np
import pytest

import crosscam
from crosscam.ranking.neighbours import search
from crosscam.ranking.reciprocal import SparseRows


def line(*places):
    return np.array(places, dtype=np.float32).reshape(-1, 1)


def test_a_case_on_paper():
    """One neighbour each: 0 with 1, and 5 with 7; no averaging."""
    distances = crosscam.rerank(line(0), line(1, 5, 7), k1=1, k2=1, lambda_value=0.5)
    # The query is 49 from the furthest: its vector is 1 and exp(-1/49) over their sum; the first
    # image's, 36 from its furthest, is exp(-1/36) and 1 over theirs.
    one, other = 1 / (1 + np.exp(-1 / 49)), 1 / (1 + np.exp(-1 / 36))
    smaller = (1 - one) + (1 - other)
    expected = [
        0.5 * (1 - smaller / (2 - smaller)) + 0.5 * 1 / 49,
        0.5 + 0.5 * 25 / 49,
        0.5 + 0.5,
    ]
    assert distances[0] == pytest.approx(expected, abs=1e-6)


def test_blocks_are_consecutive_rows():
    rng = np.random.default_rng(0)
    queries, gallery = rng.standard_normal((10, 8)), rng.standard_normal((30, 8))
    blocks = list(crosscam.rerank_blocks(queries, gallery, query_block=4))
    assert [block.shape for block in blocks] == [(4, 30), (4, 30), (2, 30)]
    whole = crosscam.rerank(queries, gallery)
    assert np.abs(np.concatenate(blocks) - whole).max() < 1e-6
    assert len({id(block.base if block.base is not None else block) for block in blocks}) == 3


def test_a_gallery_of_one_and_more_queries_than_gallery():
    distances = crosscam.rerank(line(0, 1, 2, 3, 9), line(4))
    assert distances.shape == (5, 1)
    assert distances.argmin() == 3
    assert crosscam.rerank(line(), line(1, 2)).shape == (0, 2)


@pytest.mark.parametrize("value", [0, 1, 0.1, 1e-40, 1e37])
@pytest.mark.parametrize("compiled", ["0", "1"])
def test_collapsed_features_are_all_as_near(value, compiled, monkeypatch):
    monkeypatch.setenv("CROSSCAM_COMPILE", compiled)
    same = np.full((60, 5), value, dtype=np.float32)
    distances = crosscam.rerank(same[:20], same)
    assert np.isfinite(distances).all()
    assert (distances[-1] == distances[-1, -1]).all()
    assert not crosscam.rerank(same[:20], same, lambda_value=1).any()


def test_thousands_of_equal_images_and_zero_vectors_are_ranked():
    rng = np.random.default_rng(0)
    gallery = np.concatenate([np.zeros((3000, 8)), rng.standard_normal((50, 8))])
    distances = crosscam.rerank(np.concatenate([gallery[-3:], gallery[:2]]), gallery)
    assert np.isfinite(distances).all()
    assert distances[:3].argmin(axis=1).tolist() == [3047, 3048, 3049]
    assert (distances[3:].argmin(axis=1) < 3000).all()


def test_no_distance_is_negative():
    features = np.random.default_rng(0).standard_normal((200, 64)).astype(np.float32)
    distances = crosscam.rerank(features, features, lambda_value=1)
    assert distances.min() == 0
    assert np.diag(distances).max() < 1e-6


def test_features_are_not_changed():
    rng = np.random.default_rng(0)
    features = [rng.standard_normal((40, 8)).astype(np.float32) for _ in range(2)]
    before = [array.copy() for array in features]
    crosscam.rerank(*features)
    for array, copy in zip(features, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_no_matrix_of_all_pairs_is_held(monkeypatch):
    monkeypatch.setitem(search.__kwdefaults__, "block", 256)
    rng = np.random.default_rng(0)
    queries, gallery = (rng.standard_normal((1500, 4)).astype(np.float32) for _ in range(2))
    tracemalloc.start()  # which sees NumPy's memory
    for block in crosscam.rerank_blocks(queries, gallery, k1=5, k2=2, query_block=16):
        assert block.shape[1] == 1500
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 9e6  # a matrix of queries and gallery has 9e6 bytes, one of all images 36e6


def test_sparse_rows_are_transposed_and_taken_apart():
    dense = np.array([[0, 2, 0, 1], [0, 0, 0, 0], [3, 0, 0, 4]], dtype=np.float32)
    rows, columns = np.nonzero(dense)
    sparse = SparseRows.of(rows, columns, dense[rows, columns], 3)

    def back(matrix, width):
        result = np.zeros((len(matrix.starts) - 1, width), dtype=np.float32)
        rows = np.repeat(np.arange(len(result)), np.diff(matrix.starts))
        result[rows, matrix.columns] = matrix.values
        return result.tolist()

    assert back(sparse, 4) == dense.tolist()
    assert back(sparse.transposed(4), 3) == dense.T.tolist()
    assert back(sparse.part(slice(1, 3)), 4) == dense[1:].tolist()
    assert back(SparseRows.stack([sparse, sparse]), 4) == [*dense.tolist(), *dense.tolist()]


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((line(NAN), line(1)), {}, "query_features: 1 of 1 rows hold NaN or infinity"),
        ((line(0), line(1, INF)), {}, "gallery_features: 1 of 2 rows hold NaN"),
        ((line(0), line()), {}, "the gallery is empty"),
        ((line(0)[0], line(1)), {}, r"query_features must be \(N, D\) floating numbers"),
        ((line(0), np.ones((1, 2))), {}, "query_features have 1 dimensions, gallery_features 2"),
        ((None, line(1)), {}, "query_features is no array of numbers"),
        ((line(0), line(1)), {"k1": 0}, "k1 must be an integer from 1"),
        ((line(0), line(1)), {"k2": 2.0}, "k2 must be an integer from 1"),
        ((line(0), line(1)), {"lambda_value": 1.5}, "lambda_value must be a number from 0 to 1"),
        ((line(0), line(1)), {"lambda_value": NAN}, "lambda_value must be a number from 0 to 1"),
        ((line(0), line(1)), {"lambda_value": "x"}, "lambda_value must be a number from 0 to 1"),
    ],
)
def test_what_cannot_be_reranked_is_refused_at_the_call(arguments, settings, message):
    with pytest.raises(crosscam.CrosscamError, match=message):
        crosscam.rerank(*arguments, **settings)
    with pytest.raises(crosscam.CrosscamError, match=message):
        crosscam.rerank_blocks(*arguments, **settings)


def test_the_size_of_blocks_is_checked():
    with pytest.raises(crosscam.CrosscamError, match="query_block must be an integer from 1"):
        crosscam.rerank_blocks(line(0), line(1), query_block=0)
