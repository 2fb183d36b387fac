"""Reading pictures, and turning them into tensors."""

import os
import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import write_image

from crosscam.data.augmenting import augment
from crosscam.data.images import read_image
from crosscam.data.transforms import Preprocess
from crosscam.errors import DataError, InputError
from crosscam.settings.images import Augmentation

PLAIN = Augmentation(enlarge_crop=0, flip=0)


def test_a_picture_is_rgb(tmp_path):
    path = tmp_path / "grey.png"
    Image.new("L", (4, 4), 7).save(path)
    assert read_image(path).getpixel((0, 0)) == (7, 7, 7)


def test_a_missing_picture_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no such image: .*gone\.jpg"):
        read_image(tmp_path / "gone.jpg")


@pytest.mark.parametrize("content", ["cut", "empty", "text", "folder"])
def test_a_broken_picture_is_named(tmp_path, content):
    path = tmp_path / "broken.jpg"
    if content == "cut":
        write_image(path, size=(64, 128))
        path.write_bytes(path.read_bytes()[:900])
    elif content == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"no picture" if content == "text" else b"")
    with pytest.raises(DataError, match=r"broken image .*broken\.jpg.*restore or remove"):
        read_image(path)


def test_a_pipe_is_no_picture_and_nobody_waits_for_it(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(DataError, match=r"a\.jpg: it is a pipe, not a plain file"):
        read_image(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    "error", [KeyError("tag"), ZeroDivisionError("by zero"), RecursionError(), zlib.error("bad")]
)
def test_whatever_a_decoder_raises_names_the_file(tmp_path, monkeypatch, error):
    def fail(_image):
        raise error

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", fail)
    with pytest.raises(DataError, match=r"broken image '.*/a  b\.png': "):
        read_image(write_image(tmp_path / "a  b.png"))


def noise(width=40, height=90):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_the_test_transform_is_resize_scale_normalise():
    image = noise()
    tensor = Preprocess(32, 16)(image)
    assert tensor.shape == (3, 32, 16)
    assert tensor.dtype == torch.float32
    resized = np.asarray(image.resize((16, 32), Image.Resampling.BILINEAR), dtype=np.float64)
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = (resized / 255 - mean) / std
    np.testing.assert_allclose(tensor.numpy().transpose(1, 2, 0), expected, atol=1e-6)


def test_preprocess_takes_images_alone():
    with pytest.raises(InputError, match="a PIL image, not str"):
        Preprocess(32, 16)("a.jpg")


class Chosen:
    """A generator whose draws are known."""

    def __init__(self, *draws):
        self.draws = list(draws)

    def random(self):
        return self.draws.pop(0)

    def uniform(self, low, high):
        return low + (high - low) * self.draws.pop(0)


@pytest.mark.parametrize(("left", "top"), [(0.0, 0.0), (1.0, 1.0), (0.5, 0.25)])
def test_the_published_crop(left, top):
    """Probability 0.5: resize to 9/8, crop back at a random place; then flip with 0.5."""
    image, preprocess = noise(), Preprocess(64, 32)
    larger = image.resize((36, 72), Image.Resampling.BILINEAR)
    x, y = round(4 * left), round(8 * top)
    expected = preprocess.normalise(larger.crop((x, y, x + 32, y + 64)))
    kept = augment(image, preprocess, Augmentation(), Chosen(0.49, left, top, 0.5))
    flipped = augment(image, preprocess, Augmentation(), Chosen(0.49, left, top, 0.49))
    assert torch.equal(kept, expected)
    assert torch.equal(flipped, expected.flip(2))


def test_the_other_half_is_resized_plainly():
    image, preprocess = noise(), Preprocess(64, 32)
    assert torch.equal(
        augment(image, preprocess, Augmentation(), Chosen(0.5, 0.9)), preprocess(image)
    )


def test_nothing_random_is_the_test_transform():
    image, preprocess = noise(), Preprocess(64, 32)
    assert torch.equal(
        augment(image, preprocess, PLAIN, np.random.default_rng(0)), preprocess(image)
    )


def test_pad_and_crop_moves_the_picture():
    image, preprocess = Image.new("RGB", (8, 16), "white"), Preprocess(16, 8, (0, 0, 0), (1, 1, 1))
    augmentation = Augmentation(enlarge_crop=0, flip=0, pad_crop=2)
    sums = {
        augment(image, preprocess, augmentation, np.random.default_rng(seed)).sum().item()
        for seed in range(40)
    }
    assert max(sums) == 3 * 16 * 8
    assert min(sums) == 3 * 14 * 6


def test_erasing_sets_a_rectangle_to_the_mean():
    image, preprocess = Image.new("RGB", (32, 64), "white"), Preprocess(64, 32)
    augmentation = Augmentation(enlarge_crop=0, flip=0, erase=1)
    for seed in range(30):
        tensor = augment(image, preprocess, augmentation, np.random.default_rng(seed))
        erased = (tensor == 0).all(dim=0)
        rows, columns = erased.any(dim=1).sum(), erased.any(dim=0).sum()
        assert erased.sum() == rows * columns
        assert 0.01 < erased.float().mean() < 0.45


def test_colours_change_within_bounds():
    image, preprocess = Image.new("RGB", (8, 16), (100, 100, 100)), Preprocess(16, 8)
    augmentation = Augmentation(enlarge_crop=0, flip=0, colour=0.2)
    plain = Preprocess(16, 8, (0, 0, 0), (1, 1, 1))
    values = [
        augment(image, plain, augmentation, np.random.default_rng(seed)).mean().item() * 255
        for seed in range(30)
    ]
    assert 79 <= min(values) < 90
    assert 110 < max(values) <= 121
    assert preprocess.mean[0] == 0.485
