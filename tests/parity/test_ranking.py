"""`rank` against the reference values."""

import golden
import numpy as np
import pytest
import torch

import crosscam

REFERENCE = golden.load("metrics")
ARRAYS = ("query", "gallery", "query_pids", "gallery_pids", "query_camids", "gallery_camids")


@pytest.mark.parametrize("case", ["plain", "absent", "one_camera_mostly"])
@pytest.mark.parametrize(
    ("metric", "name"), [("euclidean", "squared_euclidean"), ("cosine", "cosine")]
)
@pytest.mark.parametrize("convert", [np.asarray, torch.from_numpy])
def test_scores_are_the_reference_ones(case, metric, name, convert):
    arrays = [convert(REFERENCE[f"{case}.{array}"]) for array in ARRAYS]
    scores = crosscam.rank(*arrays, metric=metric, max_rank=20)
    expected = {
        key: REFERENCE[f"{case}.{name}.{key}"] for key in ("cmc", "mAP", "mINP", "valid_queries")
    }
    assert np.abs(scores.cmc - expected["cmc"]).max() < 1e-6
    assert scores.mAP == pytest.approx(float(expected["mAP"]), abs=1e-6)
    assert scores.mINP == pytest.approx(float(expected["mINP"]), abs=1e-6)
    assert scores.num_valid_queries == expected["valid_queries"]
