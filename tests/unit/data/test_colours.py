"""Changes of colours: each does what it says, within its bounds, in its order."""

import colorsys

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from crosscam.data import operations
from crosscam.data.colours import change_colours, take_colours
from crosscam.settings.augmenting import Colours


def noise(seed=0, width=12, height=16):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def change(colours, amount=0.0, seed=0, image=None):
    image = noise() if image is None else image
    return change_colours(image, amount, colours, np.random.default_rng(seed))


def levels(image):
    return np.asarray(image).astype(int)


def test_nothing_to_change_draws_nothing():
    rng = np.random.default_rng(0)
    assert change_colours(noise(), 0.0, Colours(probability=0.5), rng) == noise()
    assert rng.random() == np.random.default_rng(0).random()


def test_brightness_is_within_its_bounds_alone():
    image = Image.new("RGB", (4, 4), (100, 50, 25))
    found = [
        levels(change(Colours(brightness=(0.5, 2.0)), 0, seed, image))[0, 0] for seed in range(300)
    ]
    factors = np.array(found)[:, 0] / 100
    assert 0.49 <= factors.min() < 0.52
    assert 1.97 < factors.max() <= 2.0
    assert abs(factors.mean() - 1.25) < 4 * 1.5 / 12**0.5 / 300**0.5
    np.testing.assert_allclose(np.array(found)[:, 1], 50 * factors, atol=1.1)


@pytest.mark.parametrize("name", ["contrast", "saturation"])
def test_the_other_two_are_named_alone(name):
    kinds = {"contrast": ImageEnhance.Contrast, "saturation": ImageEnhance.Color}
    found = change(Colours(**{name: (0.3, 0.3)}))
    assert found == kinds[name](noise()).enhance(0.3)


def test_what_is_not_named_is_scaled_by_the_amount():
    mixed = Colours(contrast=(0.85, 1.15))
    rng = np.random.default_rng(4)
    brightness, contrast, saturation = rng.uniform((0.8, 0.85, 0.8), (1.2, 1.15, 1.2))
    expected = ImageEnhance.Brightness(noise()).enhance(brightness)
    expected = ImageEnhance.Contrast(expected).enhance(contrast)
    expected = ImageEnhance.Color(expected).enhance(saturation)
    assert change(mixed, 0.2, 4) == expected


def test_the_hue_is_turned_and_nothing_else():
    """Against the standard library's conversion, pixel by pixel."""
    image = noise()
    turned = levels(operations.hue(image, 0.25)) / 255
    for before, after in zip(
        (levels(image) / 255).reshape(-1, 3), turned.reshape(-1, 3), strict=True
    ):
        hue, saturation, value = colorsys.rgb_to_hsv(*before)
        expected = colorsys.hsv_to_rgb((hue + 63 / 255) % 1, saturation, value)
        np.testing.assert_allclose(after, expected, atol=0.047)  # 256 steps of hues, twice


def test_the_hue_is_drawn_to_both_sides():
    image = Image.new("RGB", (1, 1), (255, 0, 0))
    found = [levels(change(Colours(hue=0.1), 0, seed, image))[0, 0] for seed in range(200)]
    hues = np.array([(colorsys.rgb_to_hsv(*pixel)[0] + 0.5) % 1 - 0.5 for pixel in found])
    assert -0.11 < hues.min() < -0.09
    assert 0.09 < hues.max() < 0.11
    assert abs(hues.mean()) < 4 * 0.2 / 12**0.5 / 200**0.5


def test_a_change_has_a_probability():
    colours = Colours(brightness=(0.5, 0.5), hue=0.2, probability=0.3)
    happened = sum(change(colours, 0, seed) != noise() for seed in range(400))
    assert 83 <= happened <= 157  # 120 and four standard deviations


def test_grey_has_no_colour_and_keeps_its_brightness():
    grey = take_colours(noise())
    assert grey.mode == "RGB"
    assert (np.ptp(levels(grey), axis=2) == 0).all()
    weights = levels(noise()) @ (0.299, 0.587, 0.114)
    np.testing.assert_allclose(levels(grey)[..., 0], weights, atol=1)
