"""Pictures of every kind that lies about, from the file to the network."""

import struct
import sys
import zlib

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from PIL import Image

from crosscam.data.transforms import Preprocess
from crosscam.embedding.embedder import Embedder
from crosscam.errors import DataError, InputError

RGB = np.random.default_rng(0).integers(0, 256, (12, 8, 3), dtype=np.uint8)


class Pixels:
    """A network whose features are the pixels that it is given."""

    runtime, precision, uses_cameras, device = "torch", "float32", False, torch.device("cpu")
    feature_dim = 3 * 12 * 8

    def __call__(self, images, camids):
        return images.flatten(1).clone()


@pytest.fixture(scope="module")
def embedder():
    """Of pictures of 8 x 12 pixels, which are not resized: their levels divided by 255."""
    return Embedder(Pixels(), Preprocess(12, 8, (0, 0, 0), (1, 1, 1)))


def levels(features):
    """(N, 12, 8, 3) uint8: the pixels that a network was given."""
    return np.rint(features.reshape(-1, 3, 12, 8).transpose(0, 2, 3, 1) * 255).astype(np.uint8)


def cmyk(path):
    ink = np.dstack([255 - RGB, np.zeros((12, 8), np.uint8)])  # all in the colours, none in black
    Image.fromarray(ink, mode="CMYK").save(path.with_suffix(".tif"))
    return path.with_suffix(".tif"), RGB


def grey_of_16_bits(path):
    Image.fromarray(RGB[:, :, 0].astype(np.uint16) * 256 + 77).save(path)
    return path, RGB[:, :, [0, 0, 0]]


def animated(path):
    frames = [Image.fromarray(array) for array in (RGB, 255 - RGB)]
    frames[0].save(
        path.with_suffix(".webp"), save_all=True, append_images=frames[1:], lossless=True
    )
    return path.with_suffix(".webp"), RGB


def turned(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(RGB)).save(path, exif=exif)
    return path, RGB


def half_transparent(path):
    clear = np.dstack([RGB, np.full((12, 8), 255, np.uint8)])
    clear[:6, :, 3] = 0
    Image.fromarray(clear).save(path)
    return path, np.concatenate([np.full_like(RGB[:6], 128), RGB[6:]])


@pytest.mark.parametrize("make", [cmyk, grey_of_16_bits, animated, turned, half_transparent])
def test_odd_files_are_seen_as_what_they_show(embedder, tmp_path, make):
    path, expected = make(tmp_path / "odd.png")
    assert_array_equal(levels(embedder.embed([path]))[0], expected)
    with Image.open(path) as image:
        assert_array_equal(levels(embedder.embed([image]))[0], expected)


def test_blue_and_red_are_not_taken_for_one_another(embedder):
    assert_array_equal(levels(embedder.embed([RGB]))[0], RGB)
    assert_array_equal(levels(embedder.embed([RGB], order="bgr"))[0], RGB[:, :, ::-1])
    whole = (0, 0, 8, 12)
    assert_array_equal(levels(embedder.embed_boxes(RGB, [whole], order="rgb"))[0], RGB)
    assert_array_equal(levels(embedder.embed_boxes(RGB, [whole]))[0], RGB[:, :, ::-1])


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(RGB),
        np.repeat(RGB, 2, axis=0)[::2],
        RGB[::-1, ::-1].copy()[::-1, ::-1],
        np.broadcast_to(RGB[:1], RGB.shape),
    ],
    ids=["by columns", "every other row", "backwards", "one row, repeated"],
)
def test_arrays_may_lie_in_memory_in_any_way(embedder, array):
    assert not array.flags.c_contiguous
    for order in ("rgb", "bgr"):
        expected = embedder.embed([array.copy(order="C")], order=order)
        assert_array_equal(embedder.embed([array], order=order), expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.uint16, np.int64, bool])
def test_arrays_of_other_numbers_are_refused_with_a_hint(embedder, dtype):
    wrong = RGB.astype(dtype)
    hint = f"must be a uint8 array .H, W, 3., not .* {np.dtype(dtype)}; values from 0 to 255"
    with pytest.raises(InputError, match=f"picture 1 {hint}"):
        embedder.embed([RGB, wrong])
    with pytest.raises(InputError, match=f"the frame {hint}"):
        embedder.embed_boxes(wrong, [(0, 0, 8, 12)])


NAMES = [
    "人物 — 1.png",
    "Ωμέγα.png",
    "صورة.png",
    "👤.png",
    "a\nb.png",
    "'; --.png",
    "é" * 125 + ".png",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_names_are_of_any_script_and_any_length(embedder, tmp_path, name):
    path = tmp_path / name
    Image.fromarray(RGB).save(path)
    for given in (path, str(path)):
        assert_array_equal(levels(embedder.embed([given]))[0], RGB)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DataError, match="broken image") as refused:
        embedder.embed([path])
    assert "\n" not in str(refused.value)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_names_may_be_no_text(embedder, tmp_path):
    path = tmp_path / "caf\udce9.png"  # as a file of a Latin-1 system is named
    Image.fromarray(RGB).save(path)
    assert_array_equal(levels(embedder.embed([path]))[0], RGB)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="broken image") as refused:
        embedder.embed([path])
    str(refused.value).encode()


def header(width, height):
    """A PNG file of so many pixels that ends before the first of them."""
    body = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    check = struct.pack(">I", zlib.crc32(b"IHDR" + body))
    begun = struct.pack(">I", 1000) + b"IDAT"
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(body)) + b"IHDR" + body + check + begun


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            header(20_000, 20_000),
            "cannot use image .*more than 178 million pixels, so it is not open",
        ),
        (header(8, 12), "broken image .*restore or remove the file"),
        (header(1, 1), "broken image"),
        (b"", "broken image"),
    ],
    ids=["20,000 x 20,000", "cut short", "one pixel, cut short", "empty"],
)
def test_a_file_that_cannot_be_used_is_named_and_why(embedder, tmp_path, content, message):
    """The first has no pixels in it: it is told by its header, and nothing is decoded."""
    path = tmp_path / "odd.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as refused:
        embedder.embed([RGB, path])
    assert "odd.png" in str(refused.value)


def test_a_picture_of_one_pixel_is_named(embedder, tmp_path):
    path = tmp_path / "odd.png"
    Image.new("RGB", (1, 1)).save(path)
    with pytest.raises(DataError, match=r"odd\.png.*it is 1 x 1 pixels; each side must have 2"):
        embedder.embed([path])
    with pytest.raises(InputError, match="picture 1: it is 1 x 1 pixels"):
        embedder.embed([RGB, np.zeros((1, 1, 3), np.uint8)])
    with pytest.raises(InputError, match="box 0: it is 1 x 1 pixels"):
        embedder.embed_boxes(RGB, [(3, 3, 4, 4)])
