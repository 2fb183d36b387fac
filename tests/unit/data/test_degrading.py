"""What poor cameras do: each within its bounds, by the strength that was drawn."""

import numpy as np
from PIL import Image

from crosscam.data.degrading import blur, compress, lower_resolution
from crosscam.settings.augmenting import Degrading


def levels(image):
    return np.asarray(image).astype(float)


def noise(seed=0, width=64, height=128):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def rng():
    return np.random.default_rng(5)


def test_a_blur_has_the_width_that_is_drawn():
    """The variance of a blurred point, along one side, is that of the Gaussian."""
    point = Image.new("RGB", (41, 41))
    point.putpixel((20, 20), (255, 255, 255))
    for sigma in (1.0, 2.0, 3.0):
        spread = levels(blur(point, Degrading(sigma=(sigma, sigma)), rng()))[..., 0]
        places = np.arange(41) - 20
        along = spread.sum(axis=0) / spread.sum()
        assert abs((along * places).sum()) < 0.05
        assert abs((along * places**2).sum() ** 0.5 - sigma) < 0.25 * sigma
    drawn = np.random.default_rng(5).uniform(0.5, 2.5)
    wide = blur(noise(), Degrading(sigma=(0.5, 2.5)), rng())
    assert wide == blur(noise(), Degrading(sigma=(drawn, drawn)), np.random.default_rng(9))


def test_a_low_resolution_takes_what_is_fine_and_leaves_what_is_coarse():
    stripes = np.zeros((128, 64, 3), dtype=np.uint8)
    stripes[::2] = 255
    halves = np.zeros((128, 64, 3), dtype=np.uint8)
    halves[64:] = 255
    degrading = Degrading(shrink=(4, 4))
    fine = lower_resolution(Image.fromarray(stripes), degrading, rng())
    coarse = lower_resolution(Image.fromarray(halves), degrading, rng())
    assert fine.size == coarse.size == (64, 128)
    assert levels(fine)[8:-8].std() < 20
    assert np.abs(levels(coarse) - halves).mean() < 6
    expected = noise().resize((16, 32), Image.Resampling.BILINEAR)
    expected = expected.resize((64, 128), Image.Resampling.BILINEAR)
    assert lower_resolution(noise(), degrading, rng()) == expected
    assert lower_resolution(noise(), Degrading(shrink=(1, 1)), rng()) == noise()
    tiny = noise(width=2, height=3)
    assert lower_resolution(tiny, Degrading(shrink=(90, 100)), rng()).size == (2, 3)


def test_compression_is_that_of_jpeg_at_the_quality_that_is_drawn(tmp_path):
    smooth = noise().resize((8, 8)).resize((64, 128), Image.Resampling.BICUBIC)
    errors = []
    for quality in (10, 50, 95):
        found = compress(smooth, Degrading(quality=(quality, quality)), rng())
        smooth.save(tmp_path / "a.jpg", quality=quality)
        with Image.open(tmp_path / "a.jpg") as file:
            assert (levels(found) == levels(file)).all()
        errors.append(np.abs(levels(found) - levels(smooth)).mean())
    assert errors[0] > errors[1] > errors[2] > 0
    degrading = Degrading(quality=(30, 31))
    found = {
        compress(smooth, degrading, np.random.default_rng(seed)).tobytes() for seed in range(9)
    }
    assert len(found) == 2
