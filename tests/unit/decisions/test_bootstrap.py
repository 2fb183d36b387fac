"""Intervals: against SciPy's bootstrap, and whether they hold what they promise."""

import numpy as np
import pytest
from scipy import stats

from crosscam.decisions.bootstrap import confidence_intervals, query_figures, resample_people
from crosscam.errors import InputError
from crosscam.ranking.rank import rank
from crosscam.ranking.single_shot import rank_single_shot
from crosscam.types import Embeddings, Scores


def scored(seed, *, people=30, each=4):
    rng = np.random.default_rng(seed)
    pids = np.repeat(np.arange(people), each)
    middles = rng.standard_normal((people, 5))

    def side():
        return (middles[pids] + 0.8 * rng.standard_normal((len(pids), 5))).astype(np.float32)

    camids = np.tile([1, 1, 2, 2], people)
    return Embeddings(side(), pids, camids), Embeddings(side(), pids, camids)


def made_up(hits, pids):
    """Scores of queries that were found at once, or second."""
    found = np.asarray(hits, dtype=bool)
    return Scores(
        np.array([found.mean(), 1.0]),
        float(np.where(found, 1, 0.5).mean()),
        float(np.where(found, 1, 0.5).mean()),
        len(found),
        np.where(found, 1, 0.5),
        np.where(found, 1, 0.5),
        np.where(found, 1, 2),
    )


def test_they_are_those_of_scipy():
    query, gallery = scored(0)
    scores = rank(
        query.features, gallery.features, query.pids, gallery.pids, query.camids, gallery.camids
    )
    ours = confidence_intervals(scores, query.pids)
    for name, values in query_figures(scores).items():
        by_person = values.reshape(30, 4).sum(axis=1)
        theirs = stats.bootstrap(
            (by_person / 4,), np.mean, n_resamples=4000, method="percentile", rng=1
        ).confidence_interval
        assert ours.by_figure[name].low == pytest.approx(theirs.low, abs=0.012)
        assert ours.by_figure[name].high == pytest.approx(theirs.high, abs=0.012)
    assert ours.by_figure["rank1"].low < scores.at_rank(1) < ours.by_figure["rank1"].high
    assert ours == confidence_intervals(scores, query.pids)
    assert ours.to_json()["people"] == 30


def test_people_are_drawn_and_not_images():
    """Every query asked 25 times says nothing new, so the interval stays as wide as it was."""
    hits = np.random.default_rng(1).random(40) < 0.6
    once = confidence_intervals(made_up(hits, None), np.arange(40)).by_figure["rank1"]
    often = confidence_intervals(made_up(np.repeat(hits, 25), None), np.repeat(np.arange(40), 25))
    assert often.by_figure["rank1"].low == pytest.approx(once.low)
    assert often.by_figure["rank1"].high == pytest.approx(once.high)


def test_they_hold_the_truth_about_as_often_as_they_say():
    """People of unequal difficulty; the share of intervals that hold the truth is binomial."""
    rng = np.random.default_rng(2)
    held, rounds = 0, 300
    for _ in range(rounds):
        easy = rng.beta(3, 1.5, 80)  # of mean 2/3
        hits = rng.random((80, 4)) < easy[:, None]
        interval = confidence_intervals(
            made_up(hits.ravel(), None), np.repeat(np.arange(80), 4), resamples=400
        ).by_figure["rank1"]
        held += interval.low <= 2 / 3 <= interval.high
    assert 0.90 <= held / rounds <= 0.99


def test_queries_that_are_not_valid_are_left_out():
    query, gallery = scored(3)
    features = np.concatenate([query.features, query.features[:5]])
    pids = np.concatenate([query.pids, [900] * 5])
    camids = np.concatenate([query.camids, [1] * 5])
    scores = [
        rank(*sides, gallery.pids, *cameras)
        for sides, cameras in (
            ((query.features, gallery.features, query.pids), (query.camids, gallery.camids)),
            ((features, gallery.features, pids), (camids, gallery.camids)),
        )
    ]
    assert confidence_intervals(scores[1], pids) == confidence_intervals(scores[0], query.pids)


def test_expected_scores_have_them_too():
    query, gallery = scored(4)
    scores = rank_single_shot(query, gallery, metric="euclidean")
    found = confidence_intervals(scores, query.pids)
    for name, values in query_figures(scores).items():
        assert found.by_figure[name].low < np.nanmean(values) < found.by_figure[name].high
    assert found.by_figure["mAP"] == found.by_figure["mINP"]


def test_one_person_has_none():
    assert confidence_intervals(made_up([True, False], None), np.array([3, 3])) is None


def test_weights_sum_to_the_people_and_come_in_blocks(monkeypatch):
    whole = np.concatenate(list(resample_people(7, resamples=50, seed=3)))
    assert whole.shape == (50, 7)
    assert (whole.sum(axis=1) == 7).all()
    monkeypatch.setattr("crosscam.decisions.bootstrap._TOGETHER", 100)
    parts = list(resample_people(7, resamples=50, seed=3))
    assert len(parts) == 4
    assert (np.concatenate(parts) == whole).all()


def test_what_is_refused():
    with pytest.raises(InputError, match="2 queries, but 3 query_pids"):
        confidence_intervals(made_up([True, False], None), np.arange(3))
    with pytest.raises(InputError, match="level must be in"):
        confidence_intervals(made_up([True, False], None), np.arange(2), level=95)
