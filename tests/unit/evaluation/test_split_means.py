"""Means over the random splits of a data set."""

import numpy as np
import pytest

import crosscam
from crosscam.evaluation.split_means import split_means


def scores(right):
    """Of two queries, of which so many find their person first, and the others second."""
    query = np.array([[0.0], [10.0]], np.float32)
    gallery = query + np.array([[1.0] if right > 0 else [9.0], [0.5] if right > 1 else [-9.0]])
    return crosscam.rank(query, gallery.astype(np.float32), [1, 2], [1, 2])


def test_tests_on_splits_of_one_data_set_have_a_mean():
    tests = {
        "viper:0": scores(2),
        "viper:1": scores(0),
        "prid:0": scores(2),
        "market1501": scores(0),
        "msmt17:v1": scores(0),
        "cuhk03:classic-detected:0": scores(0),
        "cuhk03:classic-detected:19": scores(0),
    }
    means = split_means(tests)
    assert list(means) == ["viper", "cuhk03:classic-detected"]
    for key, value in means["viper"].figures.items():
        one, other = (tests[name].to_json()[key] for name in ("viper:0", "viper:1"))
        assert value == pytest.approx((one + other) / 2)
    assert means["viper"].to_json()["splits"] == 2
    assert 0 <= means["viper"].figures["rank1"] < 1
