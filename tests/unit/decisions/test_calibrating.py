"""Calibration: simulated scores with known probabilities, and scikit-learn's fits beside ours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from crosscam.decisions.calibrating import (
    Pool,
    fit_calibration,
    fit_isotonic,
    fit_platt,
    image_pairs,
    refuse_few_pairs,
)
from crosscam.decisions.calibration import Calibration
from crosscam.decisions.reliability import reliability
from crosscam.errors import InputError
from crosscam.types import Embeddings


def clouds(seed, *, people=30, each=8, noise=0.6, dim=6, cameras=True):
    rng = np.random.default_rng(seed)
    pids = np.repeat(np.arange(people), each)
    features = rng.standard_normal((people, dim))[pids]
    features = features + noise * rng.standard_normal(features.shape)
    camids = np.tile(np.arange(each) % 4, people) if cameras else None
    return Embeddings(features.astype(np.float32), pids, camids)


def fitted(images, **settings):
    settings = {"metric": "euclidean", "data": "simulated", "made_by": "a-b", **settings}
    return fit_calibration(images, **settings)


def simulated(seed, chance, count=40_000):
    """Distances and kinds, of pairs whose chance to be of the same person is known."""
    rng = np.random.default_rng(seed)
    distances = rng.uniform(0, 4, count)
    return distances, (rng.random(count) < chance(distances)).astype(np.int64)


def balanced(chance, genuine):
    """That chance where pairs of both kinds weigh the same."""
    share = genuine.mean()
    odds = chance / (1 - chance) * (1 - share) / share
    return odds / (1 + odds)


def sigmoid(distances):
    return 1 / (1 + np.exp(3 * distances - 5))


def stairs(distances):
    return np.where(distances < 1, 0.9, np.where(distances < 2.5, 0.4, 0.05))


def test_platt_recovers_a_sigmoid():
    distances, genuine = simulated(0, sigmoid)
    slope, intercept = fit_platt(Pool.of(distances, genuine))
    expected = balanced(sigmoid(distances), genuine)
    found = 1 / (1 + np.exp(slope * distances - intercept))
    assert np.abs(found - expected).max() < 0.02
    assert slope == pytest.approx(3, rel=0.03)


def test_an_isotonic_curve_recovers_stairs():
    distances, genuine = simulated(1, stairs)
    places, levels = np.array(fit_isotonic(Pool.of(distances, genuine))).T
    clear = (np.abs(distances - 1) > 0.05) & (np.abs(distances - 2.5) > 0.05)
    found = np.interp(distances[clear], places, levels)
    errors = np.abs(found - balanced(stairs(distances[clear]), genuine))
    assert errors.max() < 0.1
    assert errors.mean() < 0.02


def test_platt_is_scikit_learns_logistic_regression():
    """With no regularisation there, and with targets so near 0 and 1 that they hardly matter."""
    distances, genuine = simulated(2, sigmoid, count=3000)
    slope, intercept = fit_platt(Pool.of(distances, genuine))
    theirs = LogisticRegression(C=np.inf, class_weight="balanced", tol=1e-10, max_iter=1000)
    theirs.fit(distances[:, None], genuine)
    assert slope == pytest.approx(-theirs.coef_[0, 0], rel=0.02)
    assert intercept == pytest.approx(theirs.intercept_[0], rel=0.02)


@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=4, max_size=60).filter(
        lambda pairs: len({same for _, same in pairs}) == 2
    )
)
def test_an_isotonic_curve_is_scikit_learns(pairs):
    distances = np.array([place for place, _ in pairs], dtype=np.float64)
    genuine = np.array([same for _, same in pairs], dtype=np.int64)
    pool = Pool.of(distances, genuine)
    weights = np.where(genuine == 1, 1 / genuine.sum(), 1 / (1 - genuine).sum())
    theirs = IsotonicRegression(increasing=False, out_of_bounds="clip")
    theirs.fit(distances, genuine, sample_weight=weights)
    asked = np.linspace(-1, 13, 57)
    low, high = pool.targets
    found = np.interp(asked, *np.array(fit_isotonic(pool)).T)
    expected = theirs.predict(pool.distances).clip(low, high)
    np.testing.assert_allclose(found, np.interp(asked, pool.distances, expected), atol=1e-9)


def test_the_likelier_kind_is_chosen():
    """Distances of Gaussian clouds suit a sigmoid; two tight groups with outliers do not."""
    assert fitted(clouds(3)).kind == "platt"
    images = clouds(4, people=60, noise=0.2)
    features = images.features.copy()
    rng = np.random.default_rng(5)
    far = rng.random(len(features)) < 0.15
    features[far] += 40 * rng.standard_normal((far.sum(), 6)).astype(np.float32)
    odd = fitted(Embeddings(features, images.pids, images.camids))
    assert odd.kind == "isotonic"
    assert odd.log_likelihoods["isotonic"] > odd.log_likelihoods["platt"]


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_other_people_find_it_true(metric):
    """Fitted on some people; on others, of the same kind, it keeps its word."""
    calibration = fitted(clouds(6, people=150), metric=metric)
    pairs = image_pairs(clouds(7, people=150), metric)
    said = calibration.probability(pairs.distances)
    kept = reliability(said, pairs.genuine.astype(float), 1.0 - pairs.genuine)
    assert kept.ece < 0.04
    overconfident = reliability(
        calibration.probability(np.maximum(0, 2 * pairs.distances - np.median(pairs.distances))),
        pairs.genuine.astype(float),
        1.0 - pairs.genuine,
    )
    assert overconfident.ece > 2 * kept.ece


def test_what_it_was_fitted_on_is_noted():
    images = clouds(8)
    found = fitted(images)
    assert found.pids == tuple(range(30))
    assert found.camids == (0, 1, 2, 3)
    assert found.images == 240
    assert (found.data, found.made_by) == ("simulated", "a-b")
    assert found.genuine_pairs == 30 * (28 - 4)
    assert found.impostor_pairs == 435 * 64
    assert Calibration.model_validate_json(found.model_dump_json()) == found


def test_thresholds_keep_their_rates():
    images = clouds(9)
    pairs = image_pairs(images, "euclidean")
    found = fitted(images)
    assert [one.far for one in found.thresholds] == [0.001, 0.01, 0.1]
    same = pairs.genuine == 1
    for one in found.thresholds:
        accepted = pairs.distances < one.distance
        assert one.far - 1 / (~same).sum() <= accepted[~same].mean() <= one.far
        assert accepted[same].mean() == pytest.approx(one.tar)


def test_without_cameras_all_pairs_count():
    assert fitted(clouds(10, cameras=False)).genuine_pairs == 30 * 28
    assert fitted(clouds(10, cameras=False)).camids is None


def test_of_many_images_some_people_are_drawn(monkeypatch):
    monkeypatch.setattr("crosscam.decisions.calibrating.MOST_IMAGES", 100)
    found = fitted(clouds(11))
    assert found.images == 96
    assert len(found.pids) == 12
    assert fitted(clouds(11), seed=1).pids != found.pids


def test_blocks_change_no_pair(monkeypatch):
    whole = image_pairs(clouds(12), "cosine")
    monkeypatch.setattr("crosscam.decisions.calibrating._BLOCK", 7)
    parts = image_pairs(clouds(12), "cosine")
    assert sorted(parts.distances) == pytest.approx(sorted(whole.distances))
    assert parts.genuine.sum() == whole.genuine.sum()


def test_a_prior_moves_the_odds():
    found = fitted(clouds(13))
    even, rare = (found.probability([0.5, 1.5], prior=prior) for prior in (0.5, 0.01))
    np.testing.assert_allclose(rare / (1 - rare), even / (1 - even) / 99)
    assert ((found.probability([0.0, 1e9]) >= 0) & (found.probability([0.0, 1e9]) <= 1)).all()


@pytest.mark.parametrize(
    ("distances", "prior", "message"),
    [
        ([-0.1], 0.5, "distances must be numbers from 0"),
        ([float("nan")], 0.5, "distances must be numbers from 0"),
        ([1.0], 0.0, "prior must be in"),
        ([1.0], 1.0, "prior must be in"),
    ],
)
def test_a_probability_refuses(distances, prior, message):
    with pytest.raises(InputError, match=message):
        fitted(clouds(14)).probability(distances, prior=prior)


def test_too_few_pairs_are_refused():
    refuse_few_pairs(np.repeat(np.arange(30), 8), None)
    with pytest.raises(InputError, match="4 people with 24 pairs of one person and 96 pairs"):
        refuse_few_pairs(np.repeat(np.arange(4), 4), None)
    with pytest.raises(InputError, match="30 people with 0 pairs of one person from two cameras"):
        refuse_few_pairs(np.repeat(np.arange(30), 8), np.ones(240, dtype=np.int64))
    with pytest.raises(InputError, match="too few to fit"):
        fitted(clouds(15, people=3))


def test_a_model_that_sees_cameras_and_no_people_is_refused():
    """Each camera has its own corner, so pictures of one person are as far apart as can be."""
    camids = np.tile([0, 1], 60)
    noise = np.random.default_rng(0).standard_normal((120, 3))
    features = (noise + np.where(camids == 0, 5, -5)[:, None]).astype(np.float32)
    with pytest.raises(InputError, match="not nearer than pairs of different people"):
        fitted(Embeddings(features, np.repeat(np.arange(15), 8), camids))


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "platt", "slope": None},
        {"kind": "platt", "slope": -1.0},
        {"kind": "isotonic", "knots": ()},
        {"kind": "isotonic", "knots": ((1.0, 0.5), (0.5, 0.4))},
        {"kind": "isotonic", "knots": ((0.0, 0.5), (0.5, 0.6))},
        {"kind": "isotonic", "knots": ((0.0, 1.5),)},
        {"kind": "guess"},
        {"images": 0},
    ],
)
def test_a_broken_card_is_refused(change):
    with pytest.raises(ValidationError):
        Calibration.model_validate({**fitted(clouds(17)).model_dump(), **change})


def test_reliability_is_that_computed_bin_by_bin():
    """Against a plain loop over pairs that are sorted, and each weigh 1 / (2 x their kind)."""
    rng = np.random.default_rng(18)
    said = np.round(rng.random(3000), 6)
    same = rng.random(3000) < said**2
    found = reliability(said, same.astype(float), (~same).astype(float), bins=10)
    weights = np.where(same, 0.5 / same.sum(), 0.5 / (~same).sum())
    order = np.argsort(said)
    bins = [[] for _ in range(10)]
    before = 0.0
    for row in order:
        bins[int((before + weights[row] / 2) * 10)].append(row)
        before += weights[row]
    error = 0.0
    for rows in bins:
        mass = weights[rows].sum()
        called = (weights[rows] * said[rows]).sum() / mass
        observed = weights[rows][same[rows]].sum() / mass
        error += mass * abs(called - observed)
    assert found.ece == pytest.approx(error, rel=1e-9)
    assert found.mass.sum() == pytest.approx(1)
    assert (np.diff(found.called) > 0).all()


def test_reliability_of_what_is_known():
    """Half is called 0.75 and right in 0.9 of it, half 0.25 and right in 0.1: off by 0.15."""
    found = reliability(np.array([0.75, 0.25]), np.array([90.0, 10.0]), np.array([10.0, 90.0]))
    assert found.ece == pytest.approx(0.15)
    assert found.observed.tolist() == pytest.approx([0.1, 0.9])


@pytest.mark.parametrize(
    ("said", "genuine", "message"),
    [([0.5, 1.1], [1.0, 1.0], "in \\[0, 1\\]"), ([0.5, 0.6], [0.0, 0.0], "needs pairs of the")],
)
def test_reliability_refuses(said, genuine, message):
    with pytest.raises(InputError, match=message):
        reliability(np.array(said), np.array(genuine), np.array([1.0, 1.0]))
