"""Batches: what each sampler promises, and that nothing but (seed, epoch) decides."""

import hashlib
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import TINY, write_image

from crosscam.data.joining import sets_of
from crosscam.data.samplers import group_batches, identity_batches, picture_rng, random_batches
from crosscam.data.transforms import Preprocess
from crosscam.errors import DataError
from crosscam.recipe import load_recipe
from crosscam.settings.images import Batching
from crosscam.training.batches import epoch_batches, epoch_in_words, training_batches
from crosscam.types import Sample

labels = st.lists(st.integers(0, 9), min_size=30, max_size=120)
seeds = st.integers(0, 2**32 - 1)


@given(st.integers(1, 200), st.integers(1, 20), seeds, st.integers(0, 100))
def test_random_batches_are_a_permutation_cut_short(count, size, seed, epoch):
    if count < size:
        with pytest.raises(DataError, match="do not fill one batch"):
            random_batches(count, batch_size=size, seed=seed, epoch=epoch)
        return
    batches = random_batches(count, batch_size=size, seed=seed, epoch=epoch)
    assert batches.shape == (count // size, size)
    assert len(set(batches.ravel())) == batches.size
    assert batches.min() >= 0
    assert batches.max() < count


@given(labels, seeds, st.integers(1, 4), st.integers(1, 5))
def test_identity_batches_hold_so_many_people_and_images_of_each(pids, seed, people, each):
    settings = {"identities": people, "images_per_identity": each, "seed": seed, "epoch": 1}
    if len(set(pids)) < people:
        with pytest.raises(DataError, match="do not fill one batch"):
            identity_batches(pids, **settings)
        return
    batches = identity_batches(pids, **settings)
    assert batches.shape[1] == people * each
    for batch in batches:
        assert set(Counter(pids[index] for index in batch).values()) == {each}
    _no_image_twice_but_of_people_with_few(batches, pids, each)


@given(labels, seeds, st.integers(1, 4), st.integers(1, 5))
def test_group_batches_are_groups_of_one_person(pids, seed, people, each):
    groups_there = sum(max(1, count // each) for count in Counter(pids).values())
    settings = {"identities": people, "images_per_identity": each, "seed": seed, "epoch": 1}
    if groups_there < people:
        with pytest.raises(DataError, match="do not fill one batch"):
            group_batches(pids, **settings)
        return
    batches = group_batches(pids, **settings)
    assert batches.shape == (groups_there // people, people * each)
    for group in batches.reshape(-1, each):
        assert len({pids[index] for index in group}) == 1
    _no_image_twice_but_of_people_with_few(batches, pids, each)


def _no_image_twice_but_of_people_with_few(batches, pids, each):
    counts = Counter(pids)
    seen = Counter(int(index) for index in batches.ravel() if counts[pids[index]] >= each)
    assert set(seen.values()) <= {1}


def test_groups_may_repeat_a_person_and_identities_may_not():
    pids = [0] * 40 + [1] * 4
    groups = group_batches(pids, identities=2, images_per_identity=4, seed=0, epoch=0)
    assert any(len({pids[index] for index in batch}) == 1 for batch in groups)
    people = identity_batches(pids, identities=2, images_per_identity=4, seed=0, epoch=0)
    assert people.shape == (1, 8)


@pytest.mark.parametrize(
    "draw",
    [
        lambda seed, epoch: random_batches(96, batch_size=8, seed=seed, epoch=epoch),
        lambda seed, epoch: identity_batches(
            PIDS, identities=4, images_per_identity=2, seed=seed, epoch=epoch
        ),
        lambda seed, epoch: group_batches(
            PIDS, identities=4, images_per_identity=2, seed=seed, epoch=epoch
        ),
    ],
)
def test_seed_and_epoch_alone_decide(draw):
    np.testing.assert_array_equal(draw(1, 2), draw(1, 2))
    assert not np.array_equal(draw(1, 2), draw(1, 3))
    assert not np.array_equal(draw(1, 2), draw(2, 2))


PIDS = [index % 12 for index in range(96)]


def test_pictures_of_different_places_draw_differently():
    draws = {picture_rng(s, e, p).random() for s in range(4) for e in range(4) for p in range(4)}
    assert len(draws) == 64
    assert picture_rng(1, 2, 3).random() == picture_rng(1, 2, 3).random()


# Batches of the three samplers for 280 images of 40 people, as crosscam made them when these were
# its only settings: SHA-256 of the positions as little-endian int64, its first 16 digits.
AS_BEFORE = {
    ("random", 0, 0): (23, "39a49ef3bc00bb9e"),
    ("groups", 0, 0): (22, "99cf38a9e5dcb7a8"),
    ("identities", 0, 0): (22, "b524a58c3d18f1a8"),
    ("random", 7, 3): (23, "267b2bb7b619dbe1"),
    ("groups", 7, 3): (22, "6b5a68aa8bbdc1f6"),
    ("identities", 7, 3): (22, "b471ef07accb3502"),
}


def batching(sampler, **settings):
    both = {} if sampler == "random" else {"identities": 4, "images_per_identity": 3}
    return Batching(size=12, sampler=sampler, **both, **settings)


def samples_of(pids):
    return [Sample(Path(f"{place}.jpg"), pid, None) for place, pid in enumerate(pids)]


@pytest.fixture(scope="module")
def forty():
    """Samples of 40 people with 1 to 13 images each."""
    rng = np.random.default_rng(0)
    pids = rng.permutation(np.repeat(np.arange(40), rng.integers(1, 14, size=40)))
    return samples_of(pids.tolist())


@pytest.mark.parametrize("case", AS_BEFORE, ids=str)
def test_batches_of_old_settings_have_not_moved(case, forty):
    sampler, seed, epoch = case
    batches = epoch_batches(forty, batching(sampler), seed=seed, epoch=epoch)
    digest = hashlib.sha256(np.ascontiguousarray(batches, dtype="<i8").tobytes()).hexdigest()
    assert (len(batches), digest[:16]) == AS_BEFORE[case]


@pytest.mark.parametrize("sampler", ["random", "groups", "identities"])
@given(steps=st.integers(1, 90), seed=seeds)
def test_an_epoch_has_the_steps_that_are_told_and_begins_as_without(forty, sampler, steps, seed):
    told = epoch_batches(forty, batching(sampler, steps_per_epoch=steps), seed=seed, epoch=2)
    plain = epoch_batches(forty, batching(sampler), seed=seed, epoch=2)
    assert told.shape == (steps, 12)
    np.testing.assert_array_equal(told[: len(plain)], plain[:steps])
    for batch in told if sampler == "identities" else ():
        assert set(Counter(forty[index].pid for index in batch).values()) == {3}
    if steps > 2 * len(plain):
        again = told[len(plain) : 2 * len(plain)]
        assert not np.array_equal(again, plain)
        if sampler == "random":
            assert len(set(again.ravel())) == again.size


@pytest.mark.parametrize("balance", ["proportional", "equal"])
@pytest.mark.parametrize("sampler", ["random", "groups", "identities"])
def test_an_epoch_can_be_as_long_as_its_images_fill(forty, sampler, balance):
    sets = np.arange(len(forty)) % 2 if balance == "equal" else None
    settings = {"identities": 4, "images_per_identity": 3}
    batch = Batching(
        size=12, sampler=sampler, balance=balance, steps_per_epoch="images", **settings
    )
    assert epoch_batches(forty, batch, seed=0, epoch=1, sets=sets).shape == (280 // 12, 12)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sampler": "random"}, "an epoch is 23 steps of 12 images (276 of 280)"),
        (
            {"sampler": "random", "steps_per_epoch": 1},
            "an epoch is 1 step of 12 images (12 of 280)",
        ),
        ({"sampler": "groups"}, r"an epoch is 22 steps of 12 images \(2\d\d of 280\)"),
        (
            {"sampler": "identities"},
            r"the first epoch is 22 steps of 12 images \(2\d\d of 280\); others may be a few .*",
        ),
        (
            {"sampler": "identities", "steps_per_epoch": 100},
            r"an epoch is 100 steps of 12 images \(280 of 280\)",
        ),
    ],
)
def test_how_long_an_epoch_is_is_said(forty, settings, words):
    batch = batching(**settings)
    first = epoch_batches(forty, batch, seed=0, epoch=0)
    pattern = words if "\\" in words else re.escape(words)
    assert re.fullmatch(pattern, epoch_in_words(first, forty, batch))


people_of_sets = st.lists(
    st.lists(st.integers(1, 7), min_size=3, max_size=9), min_size=2, max_size=3
)


@pytest.mark.parametrize("sampler", ["random", "groups", "identities"])
@given(counts=people_of_sets, seed=seeds, steps=st.none() | st.integers(1, 20))
def test_equal_balance_gives_each_set_its_share_of_every_batch(sampler, counts, seed, steps):
    pids = [
        100 * one + person
        for one, people in enumerate(counts)
        for person, images in enumerate(people)
        for _ in range(images)
    ]
    samples = samples_of(pids)
    sets = sets_of(samples, [100 * one for one in range(len(counts))])
    assert sets.tolist() == [pid // 100 for pid in pids]
    people, each = 2 * len(counts), 2
    both = {} if sampler == "random" else {"identities": people, "images_per_identity": each}
    size = len(counts) if sampler == "random" else people * each
    batch = Batching(size=size, sampler=sampler, balance="equal", steps_per_epoch=steps, **both)
    batches = epoch_batches(samples, batch, seed=seed, epoch=1, sets=sets)
    for drawn in batches:
        shares = Counter(int(one) for one in sets[drawn])
        assert set(shares.values()) == {size // len(counts)}
        assert len(shares) == len(counts)
        if sampler == "identities":
            assert set(Counter(pids[index] for index in drawn).values()) == {each}
    if steps is not None:
        assert len(batches) == steps
    elif sampler == "random":  # the largest is used up
        assert len(batches) == max(map(sum, counts))
        largest = int(np.argmax([*map(sum, counts)]))
        assert len(set(batches[sets[batches] == largest])) == len(batches)


def test_a_batch_that_cannot_be_shared_out_is_refused(forty):
    sets = np.array([sample.pid % 3 for sample in forty])
    with pytest.raises(DataError, match=r"batch.identities is 4, .* set it to a multiple of 3"):
        epoch_batches(forty, batching("groups", balance="equal"), seed=0, epoch=0, sets=sets)
    few = batching("identities", balance="equal")
    lonely = np.array([int(sample.pid == 0) for sample in forty])
    with pytest.raises(DataError, match="1 people do not fill one batch, which wants 2"):
        epoch_batches(forty, few, seed=0, epoch=0, sets=lonely)


@pytest.mark.parametrize("balance", ["equal", "proportional"])
def test_batches_are_the_same_for_any_workers_and_any_step_they_begin_at(tmp_path, balance):
    samples = [
        Sample(write_image(tmp_path / f"{pid}_{shot}.jpg", 10 * pid + shot), pid, None)
        for pid in range(8)
        for shot in range(2)
    ]
    sets = np.array([sample.pid // 4 for sample in samples])
    settings = (
        *('batch.sampler="identities"', "batch.identities=4", "batch.images_per_identity=2"),
        *("batch.steps_per_epoch=5", f'batch.balance="{balance}"'),
    )
    recipe = load_recipe("mobilenetv2-xent", [*TINY, *settings])

    def stream(workers, start):
        made = recipe.model_copy(update={"workers": workers})
        batches = training_batches(samples, made, Preprocess(64, 32), start=start, sets=sets)
        return [
            (step, batch.indices.tolist(), batch.images.sum().item()) for step, batch in batches
        ]

    whole = stream(0, (0, 0))
    assert len(whole) == 10
    assert stream(2, (0, 0)) == whole
    for start in ((0, 3), (1, 0), (1, 4)):
        assert stream(0, start) == whole[5 * start[0] + start[1] :]
