"""The rule that splits own pictures, by example; its invariants are in tests/property."""

import hashlib
from pathlib import Path

import pytest

from crosscam.data.splitting import split_by_rule
from crosscam.errors import DataError
from crosscam.types import Sample


def samples(*people):
    """For each (pid, cameras) one image a camera named, in the order of paths."""
    return [
        Sample(Path(f"{pid:03}/{shot:02}.jpg"), pid, camid)
        for pid, camids in people
        for shot, camid in enumerate(camids)
    ]


def of_person(pid, images, splits):
    return [split for sample, split in zip(images, splits, strict=True) if sample.pid == pid]


FILL = [(pid, (1, 2)) for pid in (90, 91)]


@pytest.mark.parametrize(
    ("camids", "expected"),
    [
        ((None, None, None), "qgg"),
        ((None, None), "qg"),
        ((None,), "g"),
        ((1,), "g"),
        ((1, 1, 1), "ggg"),
        ((1, 2), "qg"),
        ((2, 1), "gq"),
        ((1, 1, 2), "qgg"),
        ((1, 2, 2), "qgg"),
        ((1, 1, 2, 2), "qgqg"),
        ((3, 2, 1), "gqq"),
        ((1, 2, 3, 3), "qqgg"),
        ((1, 2, 2, 3, 3), "qqgqg"),
        ((0, 1), "qg"),
    ],
)
def test_of_a_test_person_the_first_image_of_a_camera_is_a_query_if_it_can_be_matched(
    camids, expected
):
    fill = [(pid, (None, None)) for pid, _ in FILL] if camids[0] is None else FILL
    images = samples((7, camids), *fill)
    splits = split_by_rule(images, train=0, seed=0)
    assert "".join(split[0] for split in of_person(7, images, splits)) == expected


def test_people_are_drawn_by_a_hash_that_anybody_can_compute():
    images = samples(*[(pid, (1, 2)) for pid in range(1, 11)])
    order = sorted(range(1, 11), key=lambda pid: hashlib.sha256(f"3/{pid}".encode()).hexdigest())
    splits = split_by_rule(images, train=0.25, seed=3)
    trained = {s.pid for s, split in zip(images, splits, strict=True) if split == "train"}
    assert trained == set(order[:3])  # 2.5 rounds up


def test_people_who_cannot_be_searched_for_are_drawn_among_themselves():
    images = samples(
        *[(pid, (1, 2)) for pid in range(1, 9)], *[(pid, (1,)) for pid in range(9, 19)]
    )
    splits = split_by_rule(images, train=0.5, seed=1)
    trained = [s.pid for s, split in zip(images, splits, strict=True) if split == "train"]
    assert len(trained) == 4 * 2 + 5
    rest = {split for s, split in zip(images, splits, strict=True) if s.pid > 8}
    assert rest == {"train", "gallery"}


def test_junk_is_ignored_and_distractors_are_in_the_gallery():
    images = samples((-1, (1, 2)), (0, (1, 2, 3)), *FILL)
    for train in (0, 1):
        splits = split_by_rule(images, train=train, seed=0)
        assert of_person(-1, images, splits) == ["ignore"] * 2
        assert of_person(0, images, splits) == ["gallery"] * 3


@pytest.mark.parametrize("share", [0, 1])
def test_all_may_be_tested_with_or_trained_on(share):
    splits = split_by_rule(samples(*FILL), train=share, seed=0)
    assert ("train" in splits) == ("query" not in splits) == (share == 1)


@pytest.mark.parametrize(
    ("people", "train", "message"),
    [
        ([(1, (1, 2))], 0.5, "a share of 0.5 of 1 people leaves 1 to train on and 0 to test with"),
        ([(1, (1, 2))], 0, "leaves 0 to train on and 1 to test with; each needs 2"),
        ([(1, (1, 2))], 1, "leaves 1 to train on and 0 to test with; each needs 2"),
        ([(1, (1, 2)), *FILL], 0.5, "of 3 people leaves 2 to train on and 1 to test with"),
        ([(1, (1,)), (2, (2,))], 0, "none of the 2 people to test with has two images that can be"),
        ([(pid, (1, 1)) for pid in range(1, 5)], 0.5, "by two cameras, where cameras are known"),
        ([(1, (1, 2)), (2, (1,)), (3, (1,)), (4, (1,)), (5, (1,))], 0.5, "nobody can be searched"),
        ([(-1, (1, 2)), (0, (1, 2))], 0.5, "of 0 people leaves 0"),
        (FILL, 1.5, "from 0 to 1, not 1.5"),
        (FILL, -0.1, "from 0 to 1, not -0.1"),
        (FILL, float("nan"), "from 0 to 1, not nan"),
    ],
)
def test_too_little_to_split_is_refused(people, train, message):
    with pytest.raises(DataError, match=message):
        split_by_rule(samples(*people), train=train, seed=0)
