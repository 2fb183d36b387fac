"""MSMT17 (Wei et al., "Person Transfer GAN to Bridge Domain Gap", CVPR 2018), versions 1 and 2.

1,041 people and 30,248 images to train on, 32,621 with those of `list_val.txt`; 11,659 queries; a
gallery of 82,161 images. 15 cameras. Version 2 has the same images with the faces blurred.
"""

import os
import re
from dataclasses import replace
from pathlib import Path

from crosscam.data.about import About, Counts
from crosscam.data.search import Places, find_places, is_file
from crosscam.data.whole import train_on_all
from crosscam.errors import DataError
from crosscam.files import quoted, read_text_file, split_lines
from crosscam.types import ReIDDataset, Sample

_PLAIN = Counts(1_041, 30_248, 11_659, 82_161, 15)
_WITH_VAL = Counts(1_041, 32_621, 11_659, 82_161, 15)
_ALL = Counts(4_101, 126_441, 0, 0, 15)
ABOUT = About(
    summary="4,101 people seen by 15 cameras, indoors and outdoors; v2 has the faces blurred",
    terms=(
        "Pictures of real people, filmed on a campus; for academic research only, by a signed "
        "agreement with its authors. Cite Wei et al., CVPR 2018."
    ),
    ask="its authors: Longhui Wei and others, Peking University, https://www.pkuvmc.com",
    counts={
        "v1": _PLAIN,
        "v2": _PLAIN,
        "v1+val": _WITH_VAL,
        "v2+val": _WITH_VAL,
        "v1+all": _ALL,
        "v2+all": _ALL,
    },
    numbers_train_and_test_apart=True,
)
_VAL, _EVERYONE = "+val", "+all"
_FOLDERS = {"v1": ("train", "test"), "v2": ("mask_train_v2", "mask_test_v2")}
VARIANTS = (*ABOUT.counts, _VAL, _EVERYONE)
_LINE = re.compile(r"(?P<path>\d+/\d+_\d+_(?P<camid>\d{1,18})_[^/\s]+)\s+(?P<pid>\d{1,18})")
_EXAMPLE = "0000/0000_000_01_0303morning_0008_0.jpg 0"


def load_msmt17(root: str | os.PathLike[str], *, variant: str | None = None) -> ReIDDataset:
    """Read MSMT17 by its lists from `root`, the archive's folder or one up to three levels above.

    `variant` is the version, "v1" or "v2", with "+val" to train on the images of `list_val.txt`
    too, or "+all" to train on these and on all of query and gallery; the version may be left out
    where only one is there. The name says which it was, and so does a note. People of train and of
    test are numbered apart: an equal pid is another person; with "+all" those of test get the next
    numbers. Raises `DataError` if both versions are there and none is named, for folders and lists
    that are missing, and for a line that is misshapen or names an image that is not there.
    """
    wanted, _, more = (variant or "").partition("+")
    version, archive = _find(root, wanted)
    train_folder, test_folder = (archive / folder for folder in _FOLDERS[version])
    train = _read_list(archive / "list_train.txt", train_folder)
    note = "trains on list_train.txt alone, without list_val.txt"
    if more:
        val = _read_list(archive / "list_val.txt", train_folder)
        train += val
        note = f"trains on list_val.txt too: {len(val):,} of its {len(train):,} images are from it"
    dataset = ReIDDataset(
        name=f"msmt17:{version}{_VAL if more else ''}",
        train=train,
        query=_read_list(archive / "list_query.txt", test_folder),
        gallery=_read_list(archive / "list_gallery.txt", test_folder),
        terms=ABOUT.terms,
        notes=(note,),
    )
    if f"+{more}" != _EVERYONE:
        return dataset
    everyone = train_on_all(dataset, name=f"msmt17:{version}{_EVERYONE}", numbered_apart=True)
    return replace(everyone, notes=("trains on the images of all four lists",))


def _find(root: str | os.PathLike[str], wanted: str) -> tuple[str, Path]:
    """The version that is read, and its folder."""
    versions = (wanted,) if wanted else tuple(_FOLDERS)
    shapes = [_FOLDERS[version] for version in versions]
    places = find_places(root, name="msmt17", shapes=shapes)
    found = [(version, place) for version in versions for place in _with_version(places, version)]
    listing = [(version, place) for version, place in found if _has_list(place)] or found
    if len({version for version, _ in listing}) > 1:
        raise DataError(
            f"both versions of msmt17 are below {quoted(places.root)}, in {quoted(listing[0][1])} "
            f"and {quoted(listing[-1][1])}; say which with a variant, as in --data msmt17:v1"
        )
    archive = places.the_one([place for _, place in listing])
    if archive is None:
        raise places.absent(shapes)
    return listing[0][0], archive


def _with_version(places: Places, version: str) -> list[Path]:
    return places.holding(_FOLDERS[version], fits=_has_list)


def _has_list(place: Path) -> bool:
    return is_file(place / "list_train.txt")


def _read_list(file: Path, images: Path) -> tuple[Sample, ...]:
    if not file.exists():
        raise DataError(
            f"msmt17 in {quoted(file.parent)} lacks {file.name}; unpack the whole archive there"
        )
    try:
        lines = split_lines(read_text_file(file))
    except (OSError, UnicodeError) as error:
        raise DataError(f"cannot read {quoted(file)}: {error}; unpack the archive again") from None
    samples = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        labels = _LINE.fullmatch(line.strip().replace("\\", "/"))
        if labels is None:
            raise DataError(
                f"{quoted(file)}, line {number}: {line[:80]!r} is not like {_EXAMPLE!r}; "
                "unpack the archive again"
            )
        path = images / labels["path"]
        if not is_file(path):
            raise DataError(
                f"{quoted(file)}, line {number} names {quoted(path)}, which is not there; "
                "unpack the whole archive"
            )
        samples.append(Sample(path, int(labels["pid"]), int(labels["camid"])))
    if not samples:
        raise DataError(f"{quoted(file)} names no images; unpack the archive again")
    return tuple(samples)
