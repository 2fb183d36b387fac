"""Looks: the same picture saved again is near, other pictures are not, and order is nothing."""

import io

import numpy as np
import pytest
from faulty import smooth_noise
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crosscam.checking.look import PLAIN, TOLERANCE, find_near, look_at

seeds = st.integers(0, 2**32 - 1)


def looks(*images):
    seen = [look_at(image) for image in images]
    hashes = np.frombuffer(b"".join(look.hash for look in seen), np.uint8)
    thumbnails = np.frombuffer(b"".join(look.thumbnail for look in seen), np.uint8)
    return hashes.reshape(len(seen), -1), thumbnails.reshape(len(seen), -1)


def recompressed(image, quality):
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    with Image.open(content) as again:
        return again.convert("RGB")


@given(seeds, st.integers(50, 95))
def test_a_picture_compressed_again_is_near(seed, quality):
    image = smooth_noise(seed)
    assert find_near(*looks(image, recompressed(image, quality))) == [[0, 1]]


@given(seeds, st.integers(56, 90))
def test_a_picture_slightly_resized_is_near(seed, width):
    image = smooth_noise(seed)
    resized = image.resize((width, 2 * width), Image.Resampling.BILINEAR)
    assert find_near(*looks(image, resized)) == [[0, 1]]


@given(seeds, seeds)
def test_different_pictures_are_not_near(one, other):
    found = find_near(*looks(smooth_noise(one), smooth_noise(other)))
    assert found == ([[0, 1]] if one == other else [])


@given(seeds, st.permutations(range(12)))
def test_groups_do_not_depend_on_order(seed, order):
    pictures = [smooth_noise(seed + number // 3, (60 + number, 128)) for number in range(12)]
    hashes, thumbnails = looks(*pictures)
    groups = find_near(hashes[order], thumbnails[order])
    assert groups == sorted(sorted(group) for group in groups)
    named = sorted(sorted(order[place] for place in group) for group in groups)
    assert named == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11]]


@given(seeds, st.integers(2, 60))
def test_every_pair_found_is_within_the_limits_said(seed, count):
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 2, (count, 16), dtype=np.uint8)
    base = rng.integers(100, 130, (3, 216), dtype=np.uint8)
    thumbnails = base[rng.integers(0, 3, count)] + rng.integers(0, 5, (count, 216), dtype=np.uint8)
    pixels = thumbnails.astype(float)
    difference = np.sqrt(((pixels[:, None] - pixels) ** 2).mean(axis=2))
    contrast = pixels.std(axis=1)
    near = difference <= TOLERANCE * np.minimum(contrast[:, None], contrast) + 1e-6
    for group in find_near(hashes, thumbnails):
        assert (contrast[group] >= PLAIN).all()
        reached = near[np.ix_(group, group)]
        assert (np.linalg.matrix_power(reached.astype(int), len(group)) > 0).all()


@pytest.mark.slow
def test_ten_thousand_equal_looks_are_compared_with_few_each():
    hashes, thumbnails = looks(smooth_noise(3))
    [group] = find_near(np.repeat(hashes, 10_000, axis=0), np.repeat(thumbnails, 10_000, axis=0))
    assert group == list(range(10_000))
