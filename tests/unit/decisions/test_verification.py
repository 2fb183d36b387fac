"""Pairs, ROC and equal error rate: against scikit-learn, SciPy and a count by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.metrics import roc_curve as sklearn_roc

from crosscam.decisions.calibrating import fit_calibration
from crosscam.decisions.decide import decide
from crosscam.decisions.pairs import BINS, COARSE, pair_histogram
from crosscam.decisions.reliability import reliability
from crosscam.decisions.verification import equal_error_rate, verification
from crosscam.errors import InputError
from crosscam.types import Embeddings


def sides(seed, *, queries=120, gallery=400, people=25, dim=5, cameras=True, noise=0.7):
    rng = np.random.default_rng(seed)
    middles = rng.standard_normal((people, dim))

    def side(count, low):
        pids = rng.integers(low, people, count)
        features = middles[pids] + noise * rng.standard_normal((count, dim))
        camids = rng.integers(1, 5, count) if cameras else None
        return Embeddings(features.astype(np.float32), pids, camids)

    return side(queries, 0), side(gallery, -1)


def pairs_by_hand(query, gallery, metric):
    """Distances of all pairs that count, and whether each is genuine."""
    one, other = query.features.astype(np.float64), gallery.features.astype(np.float64)
    if metric == "cosine":
        one, other = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (one, other))
        distances = 1 - one @ other.T
    else:
        distances = np.sqrt(((one[:, None] - other) ** 2).sum(-1))
    same = query.pids[:, None] == gallery.pids
    counts = np.broadcast_to(gallery.pids != -1, same.shape) & (query.pids != -1)[:, None]
    if query.camids is not None:
        counts = counts & ~(same & (query.camids[:, None] == gallery.camids))
    return distances[counts], same[counts]


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
@pytest.mark.parametrize("cameras", [True, False])
def test_every_pair_is_in_its_bin(metric, cameras):
    query, gallery = sides(0, cameras=cameras)
    found = pair_histogram(query, gallery, metric=metric)
    distances, genuine = pairs_by_hand(query, gallery, metric)
    edges = found.low + found.width * np.arange(BINS + 1)
    assert found.furthest == pytest.approx(distances.max())
    for kind, counts, by_person in (
        (genuine, found.genuine, found.by_person[0]),
        (~genuine, found.impostor, found.by_person[1]),
    ):
        assert counts.sum() == kind.sum()
        expected = np.histogram(distances[kind], edges)[0]
        # A distance at a bin's very edge may fall to either side of it.
        assert np.abs(np.cumsum(counts) - np.cumsum(expected)).max() <= 2
        coarse = counts.reshape(COARSE, -1).sum(axis=1)
        assert (by_person.sum(axis=0) == coarse).all()
    share = found.rates_below(float(found.limits[BINS // 3]))
    below = distances < found.limits[BINS // 3]
    assert share == pytest.approx((below[~genuine].mean(), below[genuine].mean()), abs=1e-3)


def test_blocks_change_nothing(monkeypatch):
    query, gallery = sides(1)
    whole = pair_histogram(query, gallery, metric="cosine")
    monkeypatch.setattr("crosscam.decisions.pairs._QUERIES", 7)
    monkeypatch.setattr("crosscam.decisions.pairs._GALLERY", 31)
    parts = pair_histogram(query, gallery, metric="cosine")
    assert (parts.genuine == whole.genuine).all()
    for one, other in zip(parts.by_person, whole.by_person, strict=True):
        assert (one == other).all()


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_figures_are_those_of_other_packages(metric):
    query, gallery = sides(2)
    found = verification(pair_histogram(query, gallery, metric=metric))
    distances, genuine = pairs_by_hand(query, gallery, metric)
    assert (found.num_genuine, found.num_impostor) == (genuine.sum(), (~genuine).sum())
    far, tar, _ = sklearn_roc(genuine, -distances, drop_intermediate=False)
    rate = brentq(lambda at: 1 - at - np.interp(at, far, tar), 0, 1)
    assert found.eer == pytest.approx(rate, abs=1e-3)
    assert found.eer_interval.low < found.eer < found.eer_interval.high
    for accepted in found.rates:
        expected = tar[far <= accepted.far].max()
        assert accepted.tar == pytest.approx(expected, abs=2e-3)
        nearer = distances < accepted.threshold
        assert nearer[~genuine].mean() <= accepted.far
        assert nearer[genuine].mean() == pytest.approx(accepted.tar, abs=1e-3)
        assert accepted.interval.low <= accepted.tar <= accepted.interval.high
    area = np.trapezoid(found.roc.tar, found.roc.far)
    assert area == pytest.approx(np.trapezoid(tar, far), abs=1e-4)


@pytest.mark.slow
def test_decisions_on_a_calibration_have_intervals_over_people():
    query, gallery = sides(4)
    made_by = "0-0"
    query, gallery = replace(query, made_by=made_by), replace(gallery, made_by=made_by)
    calibration = fit_calibration(query, metric="euclidean", data="it", made_by=made_by)
    found = decide(query, gallery, metric="euclidean", calibration=calibration)
    distances, genuine = pairs_by_hand(query, gallery, "euclidean")
    by_hand = reliability(calibration.probability(distances), genuine * 1.0, ~genuine * 1.0)
    assert found.reliability.ece == pytest.approx(by_hand.ece, abs=2e-3)
    interval = found.reliability.interval
    assert interval.low < interval.high < 0.5
    assert interval.low - 0.01 < found.reliability.ece < interval.high + 0.01
    assert len(found.thresholds) == len(calibration.thresholds) > 1
    for checked in found.thresholds:
        nearer = distances < checked.threshold.distance
        assert checked.far == pytest.approx(nearer[~genuine].mean(), abs=1e-3)
        assert checked.tar == pytest.approx(nearer[genuine].mean(), abs=1e-3)
        for rate, span in (
            (checked.far, checked.far_interval),
            (checked.tar, checked.tar_interval),
        ):
            assert span.low - 1e-3 <= rate <= span.high + 1e-3
            assert span.low < span.high
    other = decide(
        replace(query, made_by="else"), gallery, metric="euclidean", calibration=calibration
    )
    assert other.reliability is None
    assert other.thresholds == ()
    assert "calibration is of other features" in other.notes[0]
    assert decide(query, gallery, metric="euclidean", calibration=None).notes == ()


def test_one_person_asked_for_has_no_intervals():
    query, gallery = sides(5, queries=6)
    query = Embeddings(query.features, np.full(6, 3), query.camids, "0-0")
    calibration = fit_calibration(sides(5)[1], metric="euclidean", data="it", made_by="0-0")
    found = decide(query, gallery, metric="euclidean", calibration=calibration)
    assert found.verification.eer_interval is found.reliability.interval is None
    assert found.thresholds[0].far_interval is None
    assert found.open_set is None
    assert "no open set: 1 people" in found.notes[0]
    assert '"open_set": null' in json.dumps(found.to_json())


def test_ties_are_accepted_together():
    """All pairs as far apart as each other: no threshold tells them apart."""
    query = Embeddings(np.zeros((20, 2), np.float32), np.arange(20), None)
    gallery = Embeddings(np.zeros((200, 2), np.float32), np.tile(np.arange(20), 10), None)
    found = verification(pair_histogram(query, gallery, metric="euclidean"))
    assert found.eer == pytest.approx(0.5)
    assert [rate.tar for rate in found.rates] == [0, 0, 0]


@pytest.mark.parametrize("scale", [1e-2, 1e-3])
def test_small_distances_have_figures_of_their_own(scale):
    """A large common part: cosine distances of 1e-4 and 1e-6 are told apart as those of 1 are."""
    query, gallery = sides(6)
    moved = [
        replace(side, features=(100 / scale + side.features).astype(np.float32))
        for side in (query, gallery)
    ]
    found = verification(pair_histogram(*moved, metric="cosine"))
    distances, genuine = pairs_by_hand(*moved, "cosine")
    assert distances.max() < 10 * scale**2 / 100**2 * 10
    far, tar, _ = sklearn_roc(genuine, -distances, drop_intermediate=False)
    rate = brentq(lambda at: 1 - at - np.interp(at, far, tar), 0, 1)
    assert found.eer == pytest.approx(rate, abs=2e-3)
    assert 0.01 < found.eer_interval.low < found.eer < found.eer_interval.high < 0.6


def test_a_model_that_gives_one_feature_has_an_even_chance():
    query, gallery = sides(6)
    same = [replace(side, features=np.full_like(side.features, 0.1)) for side in (query, gallery)]
    for metric in ("euclidean", "cosine"):
        found = verification(pair_histogram(*same, metric=metric))
        assert (found.eer, found.eer_interval.low, found.eer_interval.high) == (0.5, 0.5, 0.5)
        assert [rate.tar for rate in found.rates if rate.tar is not None] == [0, 0, 0]
        assert (found.roc.far[-1], found.roc.tar[-1]) == (1, 1)


def test_a_rate_of_one_accepts_everything():
    found = verification(pair_histogram(*sides(3), metric="euclidean"), fars=(1.0,))
    assert found.rates[0].tar == 1
    assert found.rates[0].threshold == found.roc.thresholds[-1]
    assert found.to_json()["resamples_dropped"] == found.dropped == 0


def test_too_few_impostors_give_no_rate():
    query, gallery = sides(3, queries=10, gallery=30, people=4)
    found = verification(pair_histogram(query, gallery, metric="euclidean"))
    assert found.num_impostor < 1000
    assert found.rates[0].tar is None
    assert found.rates[0].to_json() == {
        "far": 0.001,
        "tar": None,
        "threshold": None,
        "interval": None,
    }
    assert found.rates[1].tar is not None


def test_equal_error_rates_of_curves():
    far = np.array([[0, 0.1, 0.3, 1.0], [0, 0.0, 1.0, 1.0], [0, 1.0, 1.0, 1.0]])
    tar = np.array([[0, 0.5, 0.7, 1.0], [0, 1.0, 1.0, 1.0], [0, 0.0, 1.0, 1.0]])
    np.testing.assert_allclose(equal_error_rate(far, tar), [0.3, 0.0, 1.0])


@pytest.mark.parametrize(
    ("query_pids", "gallery_pids", "metric", "message"),
    [
        ([1, 1], [1, 1], "euclidean", "no impostor pair"),
        ([1, 2], [3, 4], "euclidean", "no genuine pair"),
        ([1, 2], [1, 2], "cosine", "a zero feature has no cosine"),
    ],
)
def test_what_is_refused(query_pids, gallery_pids, metric, message):
    nothing = np.zeros((2, 3), np.float32)
    with pytest.raises(InputError, match=message):
        pair_histogram(
            Embeddings(nothing, np.array(query_pids), None),
            Embeddings(nothing, np.array(gallery_pids), None),
            metric=metric,
        )
