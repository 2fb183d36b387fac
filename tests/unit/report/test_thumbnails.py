"""Thumbnails: small, of their picture's shape, without anything else of the file."""

import pytest
from PIL import Image
from tiny import write_image

from crosscam.data.images import read_image
from crosscam.errors import DataError
from crosscam.report.thumbnails import PER_FOLDER, thumbnail_name, write_thumbnails


def test_each_has_its_place_its_shape_and_nothing_more(tmp_path):
    sizes = [(16, 32), (300, 200), (50, 400)]
    images = [write_image(tmp_path / f"{size}.png", size=size) for size in sizes]
    secret = Image.Exif()
    secret[0x010E] = "somewhere"
    read_image(images[0]).save(tmp_path / "exif.jpg", exif=secret)
    done = []
    (tmp_path / "out").mkdir()
    written = write_thumbnails(
        tmp_path / "out", [*images, tmp_path / "exif.jpg"], on_images=done.append
    )
    paths = [tmp_path / "out" / thumbnail_name(number) for number in range(4)]
    assert written == sum(path.stat().st_size for path in paths)
    assert sum(done) == 4
    shapes = [read_image(path).size for path in paths]
    assert shapes == [(16, 32), (64, 43), (16, 128), (16, 32)]
    assert b"somewhere" not in paths[3].read_bytes()


def test_folders_hold_a_bounded_number(tmp_path):
    image = write_image(tmp_path / "one.jpg")
    write_thumbnails(tmp_path, [image] * (PER_FOLDER + 1), on_images=lambda count: None)
    assert len(list((tmp_path / "0").iterdir())) == PER_FOLDER
    assert [path.name for path in (tmp_path / "1").iterdir()] == [f"{PER_FOLDER}.jpg"]


def test_a_broken_picture_is_named_and_a_raise_stops(tmp_path):
    image = write_image(tmp_path / "one.jpg")
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no")
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match=r"broken\.jpg"):
        write_thumbnails(tmp_path / "out", [image, broken], on_images=lambda count: None)

    def stop(count):
        raise KeyboardInterrupt

    (tmp_path / "stopped").mkdir()
    with pytest.raises(KeyboardInterrupt):
        write_thumbnails(tmp_path / "stopped", [image] * 200, on_images=stop)
    assert len(list((tmp_path / "stopped").rglob("*.jpg"))) < 200
