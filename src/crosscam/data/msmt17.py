"""MSMT17 (Wei et al., "Person Transfer GAN to Bridge Domain Gap", CVPR 2018), versions 1 and 2.

1,041 people and 30,248 images to train on, 32,621 with those of `list_val.txt`; 11,659 queries; a
gallery of 82,161 images. 15 cameras. Version 2 has the same images with the faces blurred.
"""

import os
import re
from pathlib import Path

from crosscam.data.about import About, Counts
from crosscam.data.layout import absent_archive, archive_places, first_with
from crosscam.errors import DataError
from crosscam.types import ReIDDataset, Sample

_PLAIN = Counts(1_041, 30_248, 11_659, 82_161, 15)
_WITH_VAL = Counts(1_041, 32_621, 11_659, 82_161, 15)
ABOUT = About(
    summary="4,101 people seen by 15 cameras, indoors and outdoors; v2 has the faces blurred",
    terms=(
        "Pictures of real people, filmed on a campus; for academic research only, by a signed "
        "agreement with its authors. Cite Wei et al., CVPR 2018."
    ),
    ask="its authors: Longhui Wei and others, Peking University, https://www.pkuvmc.com",
    counts={"v1": _PLAIN, "v2": _PLAIN, "v1+val": _WITH_VAL, "v2+val": _WITH_VAL},
    numbers_train_and_test_apart=True,
)
_VAL = "+val"
_FOLDERS = {"v1": ("train", "test"), "v2": ("mask_train_v2", "mask_test_v2")}
VARIANTS = (*ABOUT.counts, _VAL)
_LINE = re.compile(r"(?P<path>\d+/\d+_\d+_(?P<camid>\d+)_[^/\s]+)\s+(?P<pid>\d+)")
_EXAMPLE = "0000/0000_000_01_0303morning_0008_0.jpg 0"


def load_msmt17(root: str | os.PathLike[str], *, variant: str | None = None) -> ReIDDataset:
    """Read MSMT17 from `root`, with or without the archive's outer folder, by its lists.

    `variant` is the version, "v1" or "v2", with "+val" to train on the images of `list_val.txt`
    too; the version may be left out where only one is there. The name says which it was, and so
    does a note. People of train and of test are numbered apart: an equal pid is another person.
    Raises `DataError` if both versions are there and none is named, for folders and lists that are
    missing, and for a line that is misshapen or names an image that is not there.
    """
    wanted = variant or ""
    version, archive = _find(root, wanted.removesuffix(_VAL))
    train_folder, test_folder = (archive / folder for folder in _FOLDERS[version])
    train = _read_list(archive / "list_train.txt", train_folder)
    note = "trains on list_train.txt alone, without list_val.txt"
    if wanted.endswith(_VAL):
        val = _read_list(archive / "list_val.txt", train_folder)
        train += val
        note = f"trains on list_val.txt too: {len(val):,} of its {len(train):,} images are from it"
    return ReIDDataset(
        name=f"msmt17:{version}{_VAL if wanted.endswith(_VAL) else ''}",
        train=train,
        query=_read_list(archive / "list_query.txt", test_folder),
        gallery=_read_list(archive / "list_gallery.txt", test_folder),
        terms=ABOUT.terms,
        notes=(note,),
    )


def _find(root: str | os.PathLike[str], wanted: str) -> tuple[str, Path]:
    """The version that is read, and its folder."""
    versions = (wanted,) if wanted else tuple(_FOLDERS)
    outer = tuple(f"MSMT17_{version.upper()}" for version in versions)
    places = archive_places(root, name="msmt17", outer=outer)
    found = [
        (version, place)
        for version in versions
        if (place := first_with(places, _FOLDERS[version])) is not None
    ]
    if not found:
        shapes = [_FOLDERS[version] for version in versions]
        raise absent_archive(places, name="msmt17", shapes=shapes)
    if len(found) > 1:
        raise DataError(
            f"both versions of msmt17 are below {places[0]}, in {found[0][1]} and {found[1][1]}; "
            "say which with a variant, as in --data msmt17:v1"
        )
    return found[0]


def _read_list(file: Path, images: Path) -> tuple[Sample, ...]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise DataError(
            f"msmt17 in {file.parent} lacks {file.name}; unpack the whole archive there"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {file}: {error}; unpack the archive again") from None
    samples = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        labels = _LINE.fullmatch(line.strip())
        if labels is None:
            raise DataError(
                f"{file}, line {number}: {line[:80]!r} is not like {_EXAMPLE!r}; "
                "unpack the archive again"
            )
        path = images / labels["path"]
        if not path.is_file():
            raise DataError(
                f"{file}, line {number} names {path}, which is not there; unpack the whole archive"
            )
        samples.append(Sample(path, int(labels["pid"]), int(labels["camid"])))
    if not samples:
        raise DataError(f"{file} names no images; unpack the archive again")
    return tuple(samples)
