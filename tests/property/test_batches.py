"""Batches: what each sampler promises, and that nothing but (seed, epoch) decides."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscam.data.samplers import group_batches, identity_batches, picture_rng, random_batches
from crosscam.errors import DataError

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
