"""Cutting the pictures of CUHK03 out of `cuhk-03.mat`, once, into crosscam's cache.

A folder of cut-out pictures is there whole or not at all. Its manifest says of which file, by size
and time, its pictures are, and lists them with their sizes; it is compared whenever the folder is
used. Another `cuhk-03.mat` has another folder.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from crosscam.data.cuhk03_archive import count_places, read_pictures
from crosscam.data.progress import OnImages
from crosscam.errors import DataError
from crosscam.files import (
    CACHE_VARIABLE,
    cache_folder,
    making_folder,
    one_at_a_time,
    quoted,
    read_text_file,
)

_MANIFEST = "manifest.json"


class CutOut(NamedTuple):
    """A folder of pictures, and what should be known of it."""

    folder: Path
    notes: tuple[str, ...] = ()


def cut_out(archive: Path, kind: str, *, on_images: OnImages) -> CutOut:
    """The folder of the "detected" or "labeled" pictures of `cuhk-03.mat`, filled if need be.

    Lossless PNGs, named as in `read_pictures`. Of several processes one does the work and the
    others wait. Pictures that were cut out before and are not as they were left are cut out again,
    and a note says so. Raises `DataError` if `archive` cannot be read or the cache not be
    written, and `RunError` if there is no place for a cache.
    """
    try:
        source = _describe(archive)
        cache = cache_folder().resolve() / "cuhk03"
        folder = cache / f"{kind}-{_short_name(source)}"
        with one_at_a_time(cache / "lock"):
            fault = _fault(folder, source) if folder.exists() else None
            if folder.exists() and fault is None:
                return CutOut(folder)
            _fill(folder, archive, kind, source=source, on_images=on_images)
    except OSError as error:
        raise DataError(
            f"cannot put the images of {quoted(archive)} into {quoted(cache_folder())}: "
            f"{error.strerror or error}; make room there, or name another folder in "
            f"{CACHE_VARIABLE}"
        ) from None
    if fault is None:
        return CutOut(folder)
    return CutOut(folder, (f"the images in {quoted(folder)} were cut out again: {fault}",))


def _fill(
    folder: Path, archive: Path, kind: str, *, source: dict[str, int], on_images: OnImages
) -> None:
    advance = on_images(f"cutting out {kind}", count_places(archive, kind))
    with making_folder(folder) as beside:
        sizes = _write(beside, archive, kind, advance=advance)
        if not sizes:
            raise DataError(f"{quoted(archive)} has no images in {kind}; unpack or fetch it again")
        manifest = json.dumps({"archive": source, "images": sizes}, indent=0)
        (beside / _MANIFEST).write_text(manifest, encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)


def _write(
    folder: Path, archive: Path, kind: str, *, advance: Callable[[int], None]
) -> dict[str, int]:
    sizes = {}
    for name, pixels in read_pictures(archive, kind):
        if pixels is not None:
            Image.fromarray(pixels).save(folder / name)
            sizes[name] = (folder / name).stat().st_size
        advance(1)
    return sizes


def _describe(archive: Path) -> dict[str, int]:
    status = archive.stat()
    return {"size": status.st_size, "modified_ns": status.st_mtime_ns}


def _short_name(source: dict[str, int]) -> str:
    return hashlib.sha256(json.dumps(source).encode()).hexdigest()[:12]


def _fault(folder: Path, source: dict[str, int]) -> str | None:
    """What is wrong with a folder of cut-out pictures, None if nothing is."""
    try:
        manifest: Any = json.loads(read_text_file(folder / _MANIFEST))
        expected = dict(manifest["images"])
        of_this = manifest["archive"] == source
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return f"{_MANIFEST} is missing or broken"
    if not of_this:
        return "they are of another cuhk-03.mat"
    with os.scandir(folder) as entries:
        found = {entry.name: entry.stat().st_size for entry in entries}
    found.pop(_MANIFEST)
    for words, names in (
        ("missing", expected.keys() - found.keys()),
        ("not of them", found.keys() - expected.keys()),
        ("changed", {name for name in expected if found.get(name) != expected[name]}),
    ):
        if names:
            return f"{len(names):,} {words}, such as {min(names)}"
    return None
