"""What may never be wrong in a split, whatever the pictures."""

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crosscam.data.splitting import split_by_rule
from crosscam.errors import DataError
from crosscam.types import Sample


@st.composite
def pictures(draw):
    """Pictures of a few people, junk and distractors among them, with or without cameras."""
    known = draw(st.booleans())
    labels = draw(
        st.lists(st.tuples(st.integers(-1, 9), st.integers(1, 4)), min_size=8, max_size=50)
    )
    return [
        Sample(Path(f"{i:02}.jpg"), pid, camid if known else None)
        for i, (pid, camid) in enumerate(labels)
    ]


def split(images, train, seed):
    try:
        return split_by_rule(images, train=train, seed=seed)
    except DataError:
        assume(False)


SHARES, SEEDS = st.sampled_from([0, 0.2, 0.5, 0.8]), st.integers(0, 9)


@given(pictures(), SHARES, SEEDS)
def test_people_are_disjoint_and_every_query_has_a_match(images, train, seed):
    splits = split(images, train, seed)
    of = {
        name: [s for s, split in zip(images, splits, strict=True) if split == name]
        for name in ("train", "query", "gallery", "ignore")
    }
    trained = {sample.pid for sample in of["train"]}
    assert not trained & {sample.pid for sample in (*of["query"], *of["gallery"])}
    assert len(trained) >= 2 or train == 0
    assert of["query"]
    for query in of["query"]:
        assert any(
            other.pid == query.pid and (query.camid is None or other.camid != query.camid)
            for other in of["gallery"]
        )
    asked = [(sample.pid, sample.camid) for sample in of["query"]]
    assert len(asked) == len(set(asked))
    assert not {-1, 0} & {pid for pid, _ in asked}
    assert {sample.pid for sample in of["ignore"]} <= {-1}
    assert sum(sample.pid == -1 for sample in images) == len(of["ignore"])


@given(pictures(), SHARES, SEEDS)
def test_everybody_who_can_be_searched_for_is(images, train, seed):
    splits = split(images, train, seed)
    tested = [s for s, split in zip(images, splits, strict=True) if split in ("query", "gallery")]
    asked = {s.pid for s, split in zip(images, splits, strict=True) if split == "query"}
    for pid in {sample.pid for sample in tested} - {0}:
        own = [sample.camid for sample in tested if sample.pid == pid]
        can = len(own) > 1 if None in own else len(set(own)) > 1
        assert (pid in asked) == can


@given(pictures(), SHARES, SEEDS, st.randoms())
def test_the_order_of_files_decides_nothing(images, train, seed, random):
    before = dict(zip(images, split(images, train, seed), strict=True))
    shuffled = random.sample(images, len(images))
    assert dict(zip(shuffled, split(shuffled, train, seed), strict=True)) == before


@pytest.mark.slow
@given(pictures(), SEEDS)
def test_a_larger_share_only_adds_people_to_train_on(images, seed):
    def trained(train):
        splits = split(images, train, seed)
        return {s.pid for s, split in zip(images, splits, strict=True) if split == "train"}

    assert trained(0.2) <= trained(0.5)
