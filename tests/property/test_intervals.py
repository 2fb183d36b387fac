"""Intervals hold their estimates, at any scale and offset of the features."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crosscam.decisions.calibrating import fit_calibration
from crosscam.decisions.decide import decide
from crosscam.decisions.pairs import pair_histogram
from crosscam.decisions.verification import verification
from crosscam.errors import InputError
from crosscam.types import Embeddings


@st.composite
def problems(draw):
    """Some people's images, told apart well or badly, of one scale, about a point far or near."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    people, each = draw(st.sampled_from([6, 15])), 6
    pids = np.repeat(np.arange(people), each)
    features = rng.standard_normal((people, 8))[pids]
    features += draw(st.sampled_from([0.0, 0.2, 1.0, 5.0])) * rng.standard_normal(features.shape)
    features *= draw(st.sampled_from([0.0, 1.0]) | st.floats(-12, 12).map(lambda at: 10.0**at))
    size = np.abs(features).max()
    features += draw(st.sampled_from([0.0, 1.0, 30.0, 1e4])) * size + (size == 0)
    camids = np.tile(np.arange(each) % 3, people)
    asked = np.tile(np.arange(each) < 3, people)
    made_by = "0-0"
    return tuple(
        Embeddings(features[rows], pids[rows], camids[rows], made_by) for rows in (asked, ~asked)
    )


def held(figure, interval):
    return figure is None or interval is None or interval.low <= figure <= interval.high


@pytest.mark.slow
@given(problems(), st.sampled_from(["euclidean", "cosine"]))
@settings(max_examples=20, deadline=None)
def test_every_interval_holds_its_estimate(sides, metric):
    query, gallery = sides
    try:
        calibration = fit_calibration(query, metric=metric, data="it", made_by="0-0")
    except InputError:  # nobody can be told apart by these distances
        calibration = None
    found = decide(query, gallery, metric=metric, calibration=calibration)
    verified, opened = found.verification, found.open_set
    assert verified.eer_interval is not None
    assert held(verified.eer, verified.eer_interval)
    assert all(held(rate.tar, rate.interval) for rate in verified.rates)
    assert all(held(rate.dir, rate.interval) for rate in opened.rates)
    assert (calibration is None) == (found.reliability is None)
    if calibration is not None:
        assert held(found.reliability.ece, found.reliability.interval)
        for checked in found.thresholds:
            assert held(checked.far, checked.far_interval)
            assert held(checked.tar, checked.tar_interval)
    assert (verified.roc.far[0], verified.roc.tar[0]) == (0, 0)
    assert (verified.roc.far[-1], verified.roc.tar[-1]) == (1, 1)


@pytest.mark.slow
@given(problems(), st.sampled_from(["euclidean", "cosine"]))
@settings(max_examples=40, deadline=None)
def test_the_estimate_is_that_of_all_pairs(sides, metric):
    """The equal error rate by sorting all distances, measured in float64 pair by pair."""
    query, gallery = sides
    one, other = (side.features.astype(np.longdouble) for side in sides)
    if metric == "cosine":
        one, other = (
            rows / np.sqrt(np.square(rows).sum(1, keepdims=True)) for rows in (one, other)
        )
    distances = np.sqrt(np.square(one[:, None] - other).sum(-1))
    same = query.pids[:, None] == gallery.pids
    counts = ~(same & (query.camids[:, None] == gallery.camids))
    genuine, impostor = distances[counts & same], np.sort(distances[~same])
    far = np.searchsorted(impostor, impostor, "right") / len(impostor)
    missed = 1 - np.searchsorted(np.sort(genuine), impostor, "right") / len(genuine)
    low, high = np.max(np.minimum(far, missed)), np.min(np.maximum(far, missed))
    found = verification(pair_histogram(query, gallery, metric=metric))
    if np.ptp(impostor) > 1e-9 * impostor.max():
        slack = 2 / len(genuine) + 2e-3
        assert min(low, high) - slack <= found.eer <= max(low, high) + slack
    else:
        assert found.eer == 0.5
