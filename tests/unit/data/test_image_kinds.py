"""Pictures of every kind become RGB by the stated rules, from files and as PIL images."""

import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from tiny import write_image

from crosscam.data.images import BACKDROP, read_image, shape_fault, to_rgb
from crosscam.data.transforms import Preprocess
from crosscam.errors import DataError, InputError

ORIENTATION = 0x0112
RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (6, 4, 3), dtype=np.uint8)


def pixels(image):
    assert image.mode == "RGB"
    return np.asarray(image)


def png16(path, values, *, colour_type):
    """A PNG of 16 bits a channel, written by hand: Pillow writes none in colour."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        check = struct.pack(">I", zlib.crc32(kind + body))
        content += struct.pack(">I", len(body)) + kind + body + check
    path.write_bytes(content)
    return path


def test_a_plain_jpeg_keeps_its_pixels(tmp_path):
    path = write_image(tmp_path / "a.jpg", size=(40, 90))
    with Image.open(path) as image:
        expected = np.asarray(image.convert("RGB"))
    np.testing.assert_array_equal(pixels(read_image(path)), expected)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.webp", "A.PNG", "a.tif", "a.tiff"])
def test_lossless_formats_keep_their_pixels(tmp_path, name):
    lossless = {"lossless": True} if name.endswith("webp") else {}
    Image.fromarray(NOISE).save(tmp_path / name, **lossless)
    np.testing.assert_array_equal(pixels(read_image(tmp_path / name)), NOISE)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_pictures_are_turned_as_their_exif_says_and_only_once(tmp_path, name, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(NOISE).save(tmp_path / name, exif=exif)
    with Image.open(tmp_path / name) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    once = read_image(tmp_path / name)
    np.testing.assert_array_equal(pixels(once), expected)
    np.testing.assert_array_equal(pixels(to_rgb(once)), expected)


@pytest.mark.parametrize("exif", [b"nonsense", b"Exif\0\0MM", b"Exif\0\0II*\0\x08\0\0\0\xff\xff"])
def test_an_orientation_that_cannot_be_read_is_none(exif):
    image = Image.fromarray(NOISE)
    image.info["exif"] = exif
    np.testing.assert_array_equal(pixels(to_rgb(image)), NOISE)


def test_an_orientation_that_is_no_number_is_none():
    image = Image.fromarray(NOISE)
    image.getexif()[ORIENTATION] = "up"
    np.testing.assert_array_equal(pixels(to_rgb(image)), NOISE)


def test_grey_and_black_and_white_give_three_equal_channels(tmp_path):
    grey = NOISE[..., 0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    expected = np.stack([grey] * 3, axis=2)
    np.testing.assert_array_equal(pixels(read_image(tmp_path / "grey.png")), expected)
    Image.fromarray(grey > 127).save(tmp_path / "bits.png")
    expected = np.where(expected > 127, 255, 0)
    np.testing.assert_array_equal(pixels(read_image(tmp_path / "bits.png")), expected)


def test_a_palette_is_looked_up(tmp_path):
    image = Image.new("P", (2, 2))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([1, 0] * 2)
    image.save(tmp_path / "a.png")
    np.testing.assert_array_equal(
        pixels(read_image(tmp_path / "a.png"))[0], [[200, 100, 50], [10, 20, 30]]
    )


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_shows_the_backdrop(tmp_path, mode):
    colour = (200, 100, 50)[: len(mode) - 1]
    image = Image.new(mode, (3, 2))
    image.putdata([(*colour, 255), (*colour, 0), (*colour, 51)] * 2)
    image.save(tmp_path / "a.png")
    solid, hidden, fifth = pixels(read_image(tmp_path / "a.png"))[0]
    front = np.array(colour if mode == "RGBA" else colour * 3)
    np.testing.assert_array_equal(solid, front)
    np.testing.assert_array_equal(hidden, BACKDROP)
    np.testing.assert_allclose(fifth, 0.2 * front + 0.8 * np.array(BACKDROP), atol=1)


@pytest.mark.parametrize("mode", ["RGBa", "La", "PA"])
def test_rare_kinds_of_alpha_are_alpha(mode):
    image = Image.new("RGBA" if mode != "La" else "LA", (2, 2))
    front = (90, 90, 90, 255) if mode != "La" else (90, 255)
    image.putdata([front, (0,) * len(front)] * 2)
    found = pixels(to_rgb(image.convert(mode)))[0]
    np.testing.assert_array_equal(found, [[90] * 3, BACKDROP])


@pytest.mark.parametrize("mode", ["P", "RGB", "L", "1"])
def test_a_transparent_colour_shows_the_backdrop(tmp_path, mode):
    image = Image.new(mode, (2, 2))
    colours = [(0, 0, 0), (255, 255, 255)] if mode == "RGB" else [0, 255 if mode != "P" else 1]
    image.putdata(colours * 2)
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(tmp_path / "a.png", transparency=(0, 0, 0) if mode == "RGB" else 0)
    np.testing.assert_array_equal(
        pixels(read_image(tmp_path / "a.png"))[0], [BACKDROP, (255, 255, 255)]
    )


def test_cmyk_is_ink_on_white(tmp_path):
    """Ink is inverted in the file, with Adobe's marker, which says so, and without it."""
    Image.new("CMYK", (8, 8), (0, 255, 128, 51)).save(tmp_path / "a.jpg", quality=100)
    content = (tmp_path / "a.jpg").read_bytes()
    start = content.index(b"\xff\xee")
    (length,) = struct.unpack(">H", content[start + 2 : start + 4])
    assert b"Adobe" in content[start : start + 2 + length]
    (tmp_path / "plain.jpg").write_bytes(content[:start] + content[start + 2 + length :])
    for name in ("a.jpg", "plain.jpg"):
        found = pixels(read_image(tmp_path / name))[0, 0]
        np.testing.assert_allclose(found, [204, 0, 204 * 127 / 255], atol=2)


def test_16_bit_grey_is_scaled_and_not_clipped(tmp_path):
    values = np.array([[0, 255, 256, 0x7FFF], [0x8000, 0xFEFF, 0xFF00, 0xFFFF]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    expected = np.stack([values // 256] * 3, axis=2)
    np.testing.assert_array_equal(pixels(read_image(tmp_path / "a.png")), expected)
    as_integers = Image.fromarray(values.astype(np.int32))
    assert as_integers.mode == "I"
    np.testing.assert_array_equal(pixels(to_rgb(as_integers)), expected)


def test_16_bit_grey_may_have_a_transparent_value(tmp_path):
    image = Image.fromarray(np.array([[0x1234, 0x1235]] * 2, dtype=np.uint16))
    image.info["transparency"] = 0x1234
    np.testing.assert_array_equal(pixels(to_rgb(image))[0], [BACKDROP, [0x12] * 3])


@pytest.mark.parametrize(("channels", "colour_type"), [(3, 2), (2, 4), (4, 6)])
def test_16_bit_colour_keeps_the_upper_bits(tmp_path, channels, colour_type):
    values = RNG.integers(0, 65536, (5, 3, channels))
    if channels != 3:
        values[..., -1] = 65535
    found = pixels(read_image(png16(tmp_path / "a.png", values, colour_type=colour_type)))
    shown = values[..., :3] if channels > 2 else values[..., :1].repeat(3, axis=2)
    np.testing.assert_array_equal(found, shown // 256)


def test_of_an_animation_it_is_the_first_picture(tmp_path):
    first, second = Image.fromarray(NOISE), Image.fromarray(255 - NOISE)
    first.save(tmp_path / "a.png", save_all=True, append_images=[second])
    first.save(tmp_path / "a.webp", save_all=True, append_images=[second], lossless=True)
    for name in ("a.png", "a.webp"):
        np.testing.assert_array_equal(pixels(read_image(tmp_path / name)), NOISE)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.new("F", (2, 2)), "floating-point numbers, whose range is not known"),
        (Image.new("I", (2, 2), 70000), "go from 70000 to 70000, which is more than 16 bits"),
        (Image.new("I", (2, 2), -1), "go from -1 to -1"),
    ],
)
def test_pixels_of_unknown_range_are_refused(image, message):
    with pytest.raises(InputError, match=message):
        Preprocess(8, 4)(image)


def test_a_file_of_unknown_range_is_named(tmp_path):
    Image.new("F", (2, 2), 0.5).save(tmp_path / "a.tiff")
    with pytest.raises(DataError, match=r"cannot use image .*a\.tiff: its pixels are floating"):
        read_image(tmp_path / "a.tiff")


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "1", "I;16"])
def test_a_model_sees_the_same_of_a_file_and_of_an_image(tmp_path, mode):
    image = Image.fromarray(NOISE)
    if mode == "I;16":
        image = Image.fromarray(RNG.integers(0, 65536, (6, 4)).astype(np.uint16))
    else:
        image = image.convert(mode)
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    image.save(tmp_path / "a.png", exif=exif)
    preprocess = Preprocess(8, 4)
    with Image.open(tmp_path / "a.png") as opened:
        assert torch.equal(preprocess(opened), preprocess(read_image(tmp_path / "a.png")))


@pytest.mark.parametrize("name", ["a.jfif", "a.gif", "a.avif"])
def test_other_formats_are_read(tmp_path, name):
    plain = Image.new("RGB", (40, 90), (200, 100, 50))
    plain.save(tmp_path / name)
    np.testing.assert_allclose(pixels(read_image(tmp_path / name)), pixels(plain), atol=4)


def test_what_a_file_holds_decides_and_not_its_name(tmp_path):
    Image.fromarray(NOISE).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(pixels(read_image(tmp_path / "a.jpg")), NOISE)


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 64\n%%EndComments\n{ } loop\n%%EOF\n"


def test_a_program_is_no_picture_and_is_never_run(tmp_path, monkeypatch):
    """Pillow starts Ghostscript for an EPS, whatever its name, where there is one."""
    for name in ("gs", "gswin32c", "gswin64c"):
        started = f"#!/bin/sh\ntouch {tmp_path / 'started'}\n"
        (tmp_path / name).write_text(started)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)
    (tmp_path / "a.jpg").write_bytes(EPS)
    with Image.open(tmp_path / "a.jpg") as opened, pytest.raises(OSError):
        opened.load()
    assert (tmp_path / "started").exists(), "the trap does not work"
    (tmp_path / "started").unlink()
    with pytest.raises(DataError, match=r"broken image .*a\.jpg: it is in none of JPEG, PNG, "):
        read_image(tmp_path / "a.jpg")
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("kind", ["PPM", "ICO", "TGA", "PCX"])
def test_other_formats_are_not_opened(tmp_path, kind):
    Image.fromarray(NOISE).save(tmp_path / "a.png", format=kind)
    with pytest.raises(DataError, match="it is in none of JPEG, PNG, WEBP, BMP, TIFF, GIF, AVIF;"):
        read_image(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((0, 5), "it has no pixels: 0 x 5"),
        ((5, 0), "it has no pixels: 5 x 0"),
        ((1, 1), "it is 1 x 1 pixels; each side must have 2 at least"),
        ((1, 40), "each side must have 2 at least"),
        ((101, 2), "it is 101 x 2 pixels; the longer side may be 50 times the shorter at most"),
        ((4, 201), "at most"),
        ((2, 2), None),
        ((100, 2), None),
        ((4, 200), None),
    ],
)
def test_a_size_in_which_nobody_is_seen_is_refused(tmp_path, size, message):
    image, preprocess = Image.new("RGB", size), Preprocess(8, 4)
    assert (shape_fault(*size) or "").endswith((message or "").rpartition(";")[2])
    if message is None:
        assert preprocess(image).shape == (3, 8, 4)
        return
    with pytest.raises(InputError, match=message):
        preprocess(image)
    if 0 not in size:
        image.save(tmp_path / "a.png")
        with pytest.raises(DataError, match=f"cannot use image .*a.png: .*{message}"):
            read_image(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.webp", "a.jpg"])
def test_a_picture_that_is_cut_short_is_broken(tmp_path, name):
    path = write_image(tmp_path / name, size=(64, 128))
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(DataError, match=f"broken image .*{name}"):
        read_image(path)
