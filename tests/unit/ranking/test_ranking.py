"""`rank` on cases that can be worked out on paper, and what it refuses."""

import numpy as np
import pytest
import torch

import crosscam


def line(*places):
    return np.array(places, dtype=np.float32).reshape(-1, 1)


def test_a_case_on_paper():
    # From the query at 0: right at 1, wrong at 2, right at 3, and a right one from its own camera.
    scores = crosscam.rank(
        line(0), line(1, 2, 3, 0.5), [7], [7, 8, 7, 7], [1], [2, 1, 2, 1], max_rank=3
    )
    assert scores.cmc.tolist() == [1, 1, 1]
    assert scores.mAP == (1 / 1 + 2 / 3) / 2
    assert scores.mINP == 2 / 3
    assert scores.first_match_ranks.tolist() == [1]


def test_a_collapsed_model_scores_worst_not_best():
    rng = np.random.default_rng(0)
    pids, camids = rng.integers(0, 10, 100), rng.integers(0, 3, 100)
    same = np.ones((100, 8), dtype=np.float32)
    collapsed = crosscam.rank(same, same, pids, pids, camids, camids)
    chance = crosscam.rank(
        rng.standard_normal((100, 8)), rng.standard_normal((100, 8)), pids, pids, camids, camids
    )
    assert collapsed.at_rank(1) == 0
    assert collapsed.mAP < chance.mAP


def test_a_gallery_shorter_than_the_cmc_repeats_the_last_value():
    scores = crosscam.rank(line(0), line(1, 2), [1], [2, 1], max_rank=5)
    assert scores.cmc.tolist() == [0, 1, 1, 1, 1]
    assert scores.at_rank(100) == 1


def test_ranks_beyond_the_cmc_are_counted_too():
    scores = crosscam.rank(line(0, 9), line(1, 2, 10), [1, 4], [2, 1, 4], max_rank=1)
    assert scores.cmc.tolist() == [0.5]
    assert [scores.at_rank(rank) for rank in (1, 2, 50)] == [0.5, 1, 1]
    assert scores.to_json()["rank5"] == 1
    with pytest.raises(crosscam.CrosscamError, match="ranks start at 1"):
        scores.at_rank(0)


def test_a_gallery_of_one_and_more_queries_than_gallery():
    scores = crosscam.rank(line(0, 5, 9), line(1), [1, 2, 1], [1])
    assert scores.num_valid_queries == 2
    assert scores.num_queries == 3
    assert scores.mAP == 1


def test_queries_without_a_positive_are_left_out_and_counted():
    scores = crosscam.rank(line(0, 0), line(1, 2), [1, 5], [1, 2])
    assert scores.num_valid_queries == 1
    assert np.isnan(scores.average_precisions).tolist() == [False, True]
    assert scores.first_match_ranks.tolist() == [1, 0]


def test_equal_positives_take_ranks_one_after_another():
    scores = crosscam.rank(line(0), line(1, 1, 2), [1], [1, 1, 2])
    assert scores.mAP == 1
    assert scores.mINP == 1


@pytest.mark.parametrize("size", [1.0, 1e-40, 1e37])
def test_collapsed_features_of_any_size_score_worst(size):
    same = np.full((4, 2), size, dtype=np.float32)
    assert crosscam.rank(same[:1], same, [1], [2, 1, 3, 4]).first_match_ranks.tolist() == [4]


def test_queries_far_larger_than_the_gallery_are_ranked_in_float64():
    rng = np.random.default_rng(0)
    queries = (1e10 * rng.standard_normal((50, 3))).astype(np.float32)
    gallery = rng.standard_normal((60, 3)).astype(np.float32)
    pids = rng.integers(0, 5, 60)
    scores = crosscam.rank(queries, gallery, np.zeros(50, int), pids)
    differences = queries[:, None].astype(np.float64) - gallery[None].astype(np.float64)
    distances = torch.from_numpy(differences).square()
    exact = (distances[..., 0] + distances[..., 1] + distances[..., 2]).numpy()
    for query in range(50):
        first = exact[query][pids == 0].min()
        wrong = (exact[query][pids != 0] <= first).sum()
        assert abs(scores.first_match_ranks[query] - 1 - wrong) <= 1  # sums in another order


def test_huge_and_tiny_features_neither_overflow_nor_vanish():
    for size in (1e37, 1e-30, 1e-40):
        scores = crosscam.rank(
            line(0) * size, line(1, 2, 3) * np.float32(size), [1], [2, 1, 3], max_rank=3
        )
        assert scores.first_match_ranks.tolist() == [2]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floating_types_are_taken(dtype):
    query, gallery = torch.tensor([[0.0]], dtype=dtype), torch.tensor([[1.0], [2.0]], dtype=dtype)
    assert crosscam.rank(query, gallery, [1], [1, 2]).at_rank(1) == 1


def test_low_precision_around_the_call_is_not_used():
    """Neither autocast nor an allowed bfloat16 reaches the product; each is there afterwards."""
    rng = np.random.default_rng(3)
    features = rng.standard_normal((200, 256)).astype(np.float32)
    pids = rng.integers(0, 20, 200)
    expected = crosscam.rank(features[:50], features[50:], pids[:50], pids[50:])
    unit = torch.backends.mkldnn.matmul
    before = unit.fp32_precision
    unit.fp32_precision = "bf16"
    try:
        with torch.autocast("cpu", torch.bfloat16):
            assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
            scores = crosscam.rank(features[:50], features[50:], pids[:50], pids[50:])
        assert unit.fp32_precision == "bf16"
    finally:
        unit.fp32_precision = before
    assert scores.average_precisions.tolist() == expected.average_precisions.tolist()


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((line(NAN), line(1), [1], [1]), {}, "query_features: 1 of 1 rows hold NaN or infinity"),
        ((line(0), line(1, INF), [1], [1, 1]), {}, "gallery_features: 1 of 2 rows hold NaN"),
        ((line(0), line(1), [1], [1]), {"metric": "cosine"}, "1 of 1 rows are zero"),
        ((line(0), line(1), [1], [1]), {"metric": "manhattan"}, "'manhattan'"),
        ((line(0), line(1), [1], [1]), {"max_rank": 0}, "max_rank must be an integer from 1"),
        ((line(0), line(1), [1], [1]), {"query_block": 0}, "query_block must be an integer from 1"),
        ((line(0)[0], line(1), [1], [1]), {}, r"must be \(N, D\) floating numbers, not \(1,\)"),
        ((line(0).astype(int), line(1), [1], [1]), {}, "floating numbers"),
        ((line(0), np.ones((1, 2)), [1], [1]), {}, "1 dimensions, gallery features 2"),
        ((line(0), line(1), [1, 2], [1]), {}, r"query_pids must be \(1,\)"),
        ((line(0), line(1), [1], []), {}, r"gallery_pids must be \(1,\)"),
        ((line(0), line(1), [1.5], [1]), {}, "query_pids must be integers"),
        ((line(0), line(1), [1], [1], [1], None), {}, "camids for the query and the gallery"),
        ((line(0), line(1), [1], [1], [1], [1, 2]), {}, r"gallery_camids must be \(1,\)"),
        ((line(0), line(1), [1], [2]), {}, "none of the 1 queries has a true match"),
        ((line(0), line(1), [1], [-1]), {}, "none of the 1 queries has a true match"),
        ((line(0), line(1), [1], [1], [1], [1]), {}, "from another camera"),
        ((line(0), line(1), [1], [1]), {"max_rank": 2.5}, "max_rank must be an integer"),
        ((line(0), line(1), [1], [1]), {"max_rank": 10**12}, "max_rank must be an integer"),
        ((["a"], line(1), [1], [1]), {}, "query_features is no array of numbers"),
        ((None, line(1), [1], [1]), {}, "query_features is no array of numbers"),
        (([[1.0], [1.0, 2.0]], line(1), [1], [1]), {}, "query_features is no array of numbers"),
        ((line(0), line(), [1], []), {}, "none of the 1 queries"),
        ((line(), line(1), [], [1]), {}, "none of the 0 queries"),
    ],
)
def test_what_cannot_be_ranked_is_refused(arguments, settings, message):
    with pytest.raises(crosscam.CrosscamError, match=message):
        crosscam.rank(*arguments, **settings)
