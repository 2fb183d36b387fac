"""AutoAugment and RandAugment: what is drawn, in which order, and how often."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageOps

from crosscam.data import auto_augment as ours
from crosscam.data.auto_augment import apply_policy, auto_augment, rand_augment


def picture():
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(20, 230, (12, 6, 3), dtype=np.uint8))
    return small.resize((24, 48), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(("tenths", "bits"), [(0, 8), (3, 7), (5, 6), (10, 4)])
def test_rand_augment_keeps_four_bits_or_more(tenths, bits):
    """As in the paper's table; timm goes on to none."""
    found = ours._RANDOM_OPERATIONS[10](picture(), tenths / 10, 1)
    assert found == ImageOps.posterize(picture(), bits)


class Always:
    """A generator that draws what it is told."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)

    def integers(self, _bound):
        return self.numbers.pop(0)

    def random(self):
        return self.numbers.pop(0)


def test_a_pair_is_done_in_its_order_with_its_probabilities():
    """The first pair: posterize with 0.4, then a turn with 0.6; each draw has its sign after it."""
    posterized = apply_policy(picture(), "posterize", 8, 1)
    for draws, expected in (
        ((0.41, 0.0, 0.61, 0.0), picture()),
        ((0.39, 0.0, 0.61, 0.0), posterized),
        ((0.41, 0.0, 0.59, 0.9), apply_policy(picture(), "rotate", 9, -1)),
        ((0.39, 0.0, 0.59, 0.0), apply_policy(posterized, "rotate", 9, 1)),
    ):
        assert auto_augment(picture(), Always(0, *draws)) == expected


def test_all_pairs_and_all_operations_are_drawn_alike(monkeypatch):
    """Counts of 25 and of 14 kinds lie within five standard deviations of their mean."""
    rng = np.random.default_rng(0)
    drawn = []
    policy = tuple(((("invert", 0.0, number),) * 2) for number in range(25))

    class Counting:
        def integers(self, bound):
            drawn.append((bound, int(rng.integers(bound))))
            return drawn[-1][1]

        def random(self):
            return rng.random()

    monkeypatch.setattr(ours, "IMAGENET_POLICY", policy)
    monkeypatch.setattr(ours, "_RANDOM_OPERATIONS", (lambda image, *_: image,) * 14)
    for _ in range(2000):
        auto_augment(picture(), Counting())
        rand_augment(picture(), Counting(), number=3, magnitude=9)
    for kinds, draws in ((25, 2000), (14, 6000)):
        counts = Counter(number for bound, number in drawn if bound == kinds)
        mean = draws / kinds
        assert len(counts) == kinds
        assert sum(counts.values()) == draws
        assert max(abs(count - mean) for count in counts.values()) < 5 * mean**0.5


def test_rand_augment_does_so_many_operations_at_its_magnitude():
    sheared = picture().transform(
        (24, 48),
        Image.Transform.AFFINE,
        (1, 0.15, 0, 0, 1, 0),
        Image.Resampling.BILINEAR,
        fillcolor=(128, 128, 128),
    )
    assert rand_augment(picture(), Always(1, 0.4), number=1, magnitude=15) == sheared
    twice = rand_augment(picture(), Always(1, 0.4, 7, 0.6), number=2, magnitude=15)
    assert twice == ours._RANDOM_OPERATIONS[7](sheared, 0.5, -1)
    assert rand_augment(picture(), Always(), number=0, magnitude=15) == picture()
