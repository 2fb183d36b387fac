"""People who are not in the gallery: against a count by hand of every draw."""

import numpy as np
import pytest

from crosscam.decisions.open_set import open_set
from crosscam.errors import InputError
from crosscam.ranking.ranked import rank_gallery
from crosscam.types import Embeddings


def people(seed, *, count=40, each=6, noise=0.8, dim=6):
    """Clouds that overlap, each seen by three cameras, as queries and gallery, with distractors."""
    rng = np.random.default_rng(seed)
    pids = np.repeat(np.arange(count), each)
    features = rng.standard_normal((count, dim))[pids]
    features = (features + noise * rng.standard_normal(features.shape)).astype(np.float32)
    camids = np.tile(np.arange(each) % 3, count)
    asked = np.tile(np.arange(each) < 2, count)
    strangers = rng.standard_normal((30, dim)).astype(np.float32)
    gallery = Embeddings(
        np.concatenate([features[~asked], strangers]),
        np.concatenate([pids[~asked], [-1] * 10, [500] * 20]),
        np.concatenate([camids[~asked], np.zeros(30, np.int64)]),
    )
    return Embeddings(features[asked], pids[asked], camids[asked]), gallery


def by_hand(query, gallery, metric, far, *, share=0.5, draws=5, seed=0):
    """DIR and threshold by the definition, one query and one candidate threshold at a time."""

    def distance(one, other):
        one, other = one.astype(np.float64), other.astype(np.float64)
        if metric == "euclidean":
            return float(np.sqrt(((one - other) ** 2).sum()))
        return float(1 - one @ other / np.sqrt((one @ one) * (other @ other)))

    def ranked(number, left_out):
        found = []
        for place, pid in enumerate(gallery.pids):
            own = pid == query.pids[number]
            own_camera = own and gallery.camids[place] == query.camids[number]
            if pid != -1 and pid not in left_out and not own_camera:
                found.append((distance(query.features[number], gallery.features[place]), own))
        return sorted(found)

    everyone = [n for n in range(len(query.pids)) if any(own for _, own in ranked(n, ()))]
    known = np.unique(query.pids[everyone])
    rng = np.random.default_rng(seed)
    rates, thresholds = [], []
    for _ in range(draws):
        left_out = set(rng.choice(known, round(share * len(known)), replace=False).tolist())
        mated, others = [], []
        for number, pid in enumerate(query.pids):
            nearest, own = ranked(number, left_out)[0]
            if pid in left_out:
                others.append(nearest)
            elif number in everyone:
                mated.append((nearest, own))
        allowed = int(far * len(others) + 1e-9)
        threshold = sorted(others)[allowed]
        rates.append(sum(own and nearest < threshold for nearest, own in mated) / len(mated))
        thresholds.append(threshold)
    return np.mean(rates), np.mean(thresholds)


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_the_rates_are_those_counted_by_hand(metric):
    query, gallery = people(0)
    found = open_set(query, gallery, metric=metric, fars=(0.05, 0.1, 0.5))
    assert found.num_mated == found.num_non_mated == 5 * 40
    for rate in found.rates:
        expected, threshold = by_hand(query, gallery, metric, rate.far)
        assert rate.dir == pytest.approx(expected, abs=1e-12)
        assert rate.threshold == pytest.approx(threshold, rel=1e-6)
        assert rate.interval.low <= rate.dir <= rate.interval.high
        assert rate.interval.low < rate.interval.high
    assert 0 < found.rates[0].dir < found.rates[-1].dir < 1


def test_too_few_strangers_give_no_rate():
    found = open_set(*people(1), metric="euclidean", fars=(0.001, 0.025))
    assert found.rates[0].dir is found.rates[0].threshold is found.rates[0].interval is None
    assert found.rates[1].dir is not None
    assert found.to_json()["dir_at_far"][0] == {
        "far": 0.001,
        "dir": None,
        "threshold": None,
        "interval": None,
    }


def test_who_can_never_be_found_is_never_mated():
    """A person seen by one camera alone has no true match, but is a stranger when left out."""
    query, gallery = people(2, count=12)
    alone = Embeddings(
        np.concatenate([query.features, query.features[:3] + 9]),
        np.concatenate([query.pids, [900, 900, 901]]),
        np.concatenate([query.camids, [0, 0, 0]]),
    )
    before = open_set(query, gallery, metric="euclidean", fars=(0.1,))
    after = open_set(alone, gallery, metric="euclidean", fars=(0.1,))
    assert after.num_mated == before.num_mated
    assert after.num_non_mated == before.num_non_mated + 5 * 3


def test_a_perfect_model_finds_everybody_and_a_collapsed_one_nobody():
    query, gallery = people(3, noise=1e-3)
    assert open_set(query, gallery, metric="euclidean", fars=(0.1,)).rates[0].dir == 1
    same = [
        Embeddings(np.ones_like(side.features), side.pids, side.camids) for side in (query, gallery)
    ]
    assert open_set(*same, metric="euclidean", fars=(0.1,)).rates[0].dir == 0


def test_the_seed_decides():
    sides = people(4)
    one, again, other = (open_set(*sides, metric="cosine", seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_without_cameras_all_images_count():
    query, gallery = people(5, count=10)
    blind = [Embeddings(side.features, side.pids, None) for side in (query, gallery)]
    assert open_set(*blind, metric="euclidean").num_mated == 5 * 10


def test_at_a_rate_of_one_everybody_is_accepted():
    query, gallery = people(0, count=10)
    found = open_set(query, gallery, metric="euclidean", fars=(0.5, 1.0))
    half, all_accepted = found.rates
    assert half.dir <= all_accepted.dir < 1
    assert half.threshold < all_accepted.threshold < np.inf
    assert all_accepted.interval.low <= all_accepted.dir <= all_accepted.interval.high
    nothing_wrong = open_set(*people(3, noise=1e-3), metric="cosine", fars=(1.0,)).rates[0]
    assert nothing_wrong.dir == 1


def test_resamples_without_strangers_are_dropped_and_counted():
    """Of four people two are left out: one resample in sixteen holds no one of them."""
    query, gallery = people(7, count=4, noise=0.3)
    found = open_set(query, gallery, metric="euclidean", fars=(0.5, 1.0), draws=1)
    assert found.resamples == 1000
    assert found.dropped / found.resamples == pytest.approx(2 / 16, abs=0.05)
    assert found.to_json()["resamples_dropped"] == found.dropped
    for rate in found.rates:
        assert rate.interval.low <= rate.dir <= rate.interval.high


@pytest.mark.parametrize("first", [1, 2, 20])
def test_a_ranking_that_ends_too_soon_changes_nothing(first):
    """Where the first wrong images are all of absent people, more are found."""
    query, gallery = people(8, noise=1.5)
    ranking = rank_gallery(query, gallery, metric="cosine", first=first)
    assert open_set(query, gallery, metric="cosine", ranking=ranking) == open_set(
        query, gallery, metric="cosine"
    )


def test_a_gallery_without_strangers_of_the_gallery_is_no_endless_search():
    """Everybody else is absent in some draws: nothing wrong is nearer, and nothing is found."""
    query, gallery = people(9, count=4)
    kept = np.isin(gallery.pids, [0, 1, 2, 3])
    gallery = Embeddings(gallery.features[kept], gallery.pids[kept], gallery.camids[kept])
    found = open_set(query, gallery, metric="euclidean", share=0.7, fars=(0.5,))
    assert 0 <= found.rates[0].dir <= 1


@pytest.mark.parametrize(
    ("count", "settings", "message"),
    [
        (3, {}, "3 people of the queries are in the gallery"),
        (10, {"share": 0.01}, "10 people of the queries are in the gallery"),
        (10, {"share": 1.0}, "share must be in"),
        (10, {"draws": 0}, "draws 1 or more"),
    ],
)
def test_what_is_refused(count, settings, message):
    with pytest.raises(InputError, match=message):
        open_set(*people(6, count=count), metric="euclidean", **settings)
