"""A sheet of pictures of a rendered set: a row a person, a column a camera.

python -m tools.render_people.montage people sheet.jpg --people 12
"""

import argparse
import re
from pathlib import Path

from PIL import Image

from tools.render_people.sensor import SIZE

_NAME = re.compile(r"(?P<pid>\d+)_c(?P<camera>\d+)s")
_GAP = 2
_BLOCKS = 2  # people side by side


def montage(folder: Path, people: int) -> Image.Image:
    """The first picture by each camera, of the people seen by most cameras."""
    seen: dict[int, dict[int, Path]] = {}
    for path in sorted(folder.glob("*/*.jpg")):
        match = _NAME.match(path.name)
        if match and int(match["pid"]):
            seen.setdefault(int(match["pid"]), {}).setdefault(int(match["camera"]), path)
    chosen = sorted(sorted(seen, key=lambda pid: -len(seen[pid]))[:people])
    cameras = max(max(paths) for paths in seen.values())
    wide, high = SIZE[0] + _GAP, SIZE[1] + _GAP
    rows = -(-len(chosen) // _BLOCKS)
    sheet = Image.new("RGB", (_BLOCKS * cameras * wide, rows * high), "white")
    for number, pid in enumerate(chosen):
        left = number % _BLOCKS * cameras
        for camera, path in seen[pid].items():
            with Image.open(path) as picture:
                sheet.paste(picture, ((left + camera - 1) * wide, number // _BLOCKS * high))
    return sheet


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=int, default=12)
    arguments = parser.parse_args()
    montage(arguments.folder, arguments.people).save(arguments.out, quality=82)


if __name__ == "__main__":
    main()
