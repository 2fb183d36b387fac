"""A tree laid out like Market-1501 with one of every fault, and what a check should find there."""

import shutil
import struct
import zlib

import numpy as np
from PIL import Image
from tiny import write_image, write_market

TRAIN, QUERY, GALLERY = "bounding_box_train", "query", "bounding_box_test"


def smooth_noise(seed, size=(64, 128)):
    """A picture of soft random blobs, which compresses as photographs do."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (12, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def bomb():
    """A PNG of a few bytes that says it has 40,000 x 40,000 pixels."""

    def part(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(b"\0" * 99))


def write_faulty(root):
    """Write the tree; returns the names that each kind of finding should hold, sorted."""
    write_market(root)
    names = {
        folder: sorted(file.name for file in (root / folder).iterdir())
        for folder in (TRAIN, GALLERY)
    }
    train, gallery = names[TRAIN], names[GALLERY]
    cut = root / TRAIN / train[4]
    cut.write_bytes(cut.read_bytes()[:300])
    (root / GALLERY / gallery[4]).write_bytes(b"")
    (root / GALLERY / "0000_c1s1_000900_00.png").write_bytes(bomb())
    expected = {
        "corrupt": [[train[4]]],
        "empty": [[gallery[4]]],
        "huge": [["0000_c1s1_000900_00.png"]],
        "two-labels": [same(root, (TRAIN, train[0]), (TRAIN, "0002_c1s1_000901_00.jpg"))],
        "train-and-test": [same(root, (TRAIN, train[1]), (QUERY, train[1]))],
        "identical": [same(root, (GALLERY, gallery[2]), (GALLERY, "0008_c1s1_000902_00.jpg"))],
    }
    first, again = root / TRAIN / "0003_c1s1_000903_00.jpg", "0003_c1s1_000904_00.jpg"
    smooth_noise(1).save(first, quality=95)
    smooth_noise(1).save(root / GALLERY / again, quality=60)
    expected["near"] = [[first.name, again]]
    write_image(root / TRAIN / "0004_c1s1_000905_00.jpg", 905, size=(12, 24))
    write_image(root / TRAIN / "0005_c1s1_000906_00.jpg", 906, size=(90, 40))
    write_image(root / TRAIN / "0090_c3s1_000907_00.jpg", 907)
    write_image(root / QUERY / "0091_c4s1_000908_00.jpg", 908)
    expected["tiny"] = [["0004_c1s1_000905_00.jpg"]]
    expected["shape"] = [["0005_c1s1_000906_00.jpg"]]
    expected["one-camera"] = [["0090_c3s1_000907_00.jpg"], ["0091_c4s1_000908_00.jpg"]]
    expected["unmatched"] = [[train[1]], ["0091_c4s1_000908_00.jpg"]]
    return expected


def same(root, one, other):
    """Copy a file's bytes to another name; returns both names, sorted."""
    shutil.copy(root.joinpath(*one), root.joinpath(*other))
    return sorted([one[1], other[1]])
