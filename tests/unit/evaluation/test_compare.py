"""Comparing two tests query by query: against SciPy, and on what is known to be chance."""

import json

import numpy as np
import pytest
from scipy import stats

from crosscam.errors import InputError, RunError
from crosscam.evaluation.compare import compare
from crosscam.evaluation.record import RECORD_FILE, TestRecord, read_record, write_record


def record(precisions, pids, **changes):
    """A test whose average precisions are given; all other figures follow them."""
    values = tuple(None if np.isnan(value) else float(value) for value in precisions)
    found = tuple(None if value is None else float(value > 0.5) for value in values)
    content = {
        "crosscam": "0",
        "model": "resnet18",
        "weights_sha256": "0",
        "data": "noise",
        "data_fingerprint": "0123",
        "metric": "cosine",
        "settings": {"protocol": "cross-camera", "flip": False},
        "images": tuple(f"{number}.jpg" for number in range(len(values))),
        "pids": tuple(int(pid) for pid in pids),
        "camids": None,
        "figures": {"rank1": found, "rank5": found, "mAP": values},
    }
    return TestRecord.model_validate({**content, **changes})


def two(seed, gain, *, people=30, each=4, noise=0.15):
    """Two models, the second better by `gain` on average, by other amounts for each person."""
    rng = np.random.default_rng(seed)
    pids = np.repeat(np.arange(people), each)
    one = rng.uniform(0.3, 0.7, len(pids))
    shift = gain + noise * rng.standard_normal(people)[pids]
    other = np.clip(one + shift + 0.05 * rng.standard_normal(len(pids)), 0, 1)
    return record(one, pids), record(other, pids)


def test_it_is_what_scipy_finds():
    one, other = two(0, 0.05)
    found = compare(one, other).of("mAP")
    gains = (other.values("mAP") - one.values("mAP")).reshape(30, 4).sum(axis=1)
    theirs = stats.permutation_test(
        (gains,), np.sum, permutation_type="samples", n_resamples=20_000, rng=1
    )
    assert found.p_value == pytest.approx(theirs.pvalue, abs=0.015)
    assert 0.001 < found.p_value < 0.5  # so that it could have failed
    interval = stats.bootstrap(
        (gains / 4,), np.mean, n_resamples=20_000, method="percentile", rng=1
    ).confidence_interval
    assert found.interval.low == pytest.approx(interval.low, abs=0.003)
    assert found.interval.high == pytest.approx(interval.high, abs=0.003)
    assert found.gain == pytest.approx(gains.sum() / 120)


@pytest.mark.slow
def test_chance_is_called_real_as_seldom_as_it_says():
    """Of models that differ by chance alone about one in twenty comparisons says otherwise."""
    called = [compare(*two(seed, 0.0)).of("mAP").is_real for seed in range(100)]
    assert 0 <= np.mean(called) <= 0.12
    assert np.mean([compare(*two(seed, 0.2)).of("mAP").is_real for seed in range(10)]) == 1


def test_people_count_and_not_images():
    """Two people gain and none loses: of few people that can be chance, however many pictures."""
    pids = np.repeat([1, 2], 500)
    found = compare(record(np.full(1000, 0.4), pids), record(np.full(1000, 0.6), pids)).of("mAP")
    assert found.p_value == pytest.approx(0.5, abs=0.03)


def test_the_sentence_says_who_is_better():
    worse, better = two(1, 0.2)
    found = compare(worse, better)
    assert found.sentence("mAP", "a", "b").startswith(
        "b is better than a, and not by chance: mAP +"
    )
    back = compare(better, worse)
    assert back.sentence("mAP", "b", "a").startswith("b is better than a, and not by chance: mAP -")
    even = compare(worse, worse)
    assert even.sentence("rank1", "a", "b") == (
        "no real difference between a and b: Rank-1 +0.0 points (95 % interval +0.0 to +0.0, "
        "p = 1, 120 queries of 30 people)."
    )
    with pytest.raises(InputError, match="unknown figure 'mINP'; known are rank1, rank5, mAP"):
        even.of("mINP")


def test_both_ways_round_are_the_same():
    one, other = two(2, 0.05)
    there, back = compare(one, other), compare(other, one)
    for forth, against in zip(there.differences, back.differences, strict=True):
        assert forth.gain == pytest.approx(-against.gain)
        assert forth.p_value == against.p_value
    np.testing.assert_allclose(there.by_person, -back.by_person)


def test_queries_without_a_match_are_left_out():
    one, other = two(3, 0.05)
    gap = [np.nan, *one.values("mAP")[1:]], [np.nan, *other.values("mAP")[1:]]
    found = compare(record(gap[0], one.pids), record(gap[1], other.pids))
    assert found.num_queries == 119


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data_fingerprint": "4567"}, "tested on different data"),
        ({"settings": {"protocol": "no-cameras"}}, "different protocols"),
        ({"images": tuple(f"{number}.png" for number in range(120))}, "not asked the same queries"),
        ({"pids": (7,) * 120}, "not asked the same queries"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, message):
    one, other = two(4, 0.0)
    changed = TestRecord.model_validate({**other.model_dump(), **change})
    with pytest.raises(RunError, match=message):
        compare(one, changed)


def test_other_queries_answered_or_one_person_is_refused():
    one, _ = two(5, 0.0)
    gap = record([np.nan, *one.values("mAP")[1:]], one.pids)
    with pytest.raises(RunError, match="not asked the same queries"):
        compare(one, gap)
    alone = record([0.5, 0.6], [3, 3])
    with pytest.raises(InputError, match="two people or more"):
        compare(alone, alone)


def test_a_record_comes_back(tmp_path):
    one, _ = two(6, 0.0)
    write_record(tmp_path / RECORD_FILE, one)
    assert read_record(tmp_path) == read_record(tmp_path / RECORD_FILE) == one


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content.pop("pids"), "pids: Field required"),
        (lambda content: content["pids"].pop(), "its lists are not of one length"),
        (lambda content: content.update(figures={}), "its lists are not of one length"),
        (lambda content: content["figures"].update(rank2=[]), "figures"),
        (lambda content: content["figures"]["mAP"].__setitem__(0, 1.5), "less than or equal to 1"),
        (lambda content: content.update(format=2), "format"),
        (lambda content: content.update(more=1), "more"),
    ],
)
def test_a_broken_record_is_refused(tmp_path, change, message):
    content = json.loads(two(7, 0.0)[0].model_dump_json())
    change(content)
    (tmp_path / "it.json").write_text(json.dumps(content))
    with pytest.raises(RunError, match=f"is no test query by query: .*{message}"):
        read_record(tmp_path / "it.json")


def test_what_is_no_record_is_refused(tmp_path):
    with pytest.raises(RunError, match="no test query by query in .*queries.json: give a finished"):
        read_record(tmp_path)
    (tmp_path / "it.json").write_bytes(b"\xff\x00")
    with pytest.raises(RunError, match="it.json is no test query by query"):
        read_record(tmp_path / "it.json")
