"""PRCC (Yang et al., "Person Re-identification by Contour Sketch", TPAMI 2021).

221 people seen by three cameras: in A and B in the same clothes, in C in others. 150 people and
17,896 images to train on, 22,898 with its validation images, of the same people. The other 71 are
asked for in the 3,384 images of camera A, by the 3,873 of C or by the 3,543 of B.
"""

import os
import re
from pathlib import Path

from crosscam.data.about import About, Counts
from crosscam.data.layout import list_folder, named_images
from crosscam.data.search import find_places
from crosscam.errors import DataError
from crosscam.files import quoted
from crosscam.types import ReIDDataset, Sample

_OTHER, _SAME, _VAL = "clothes-changing", "same-clothes", "+val"
ABOUT = About(
    summary="221 people seen by three cameras, by one of them in other clothes",
    terms=(
        "Pictures of real people, filmed at Sun Yat-sen University; for academic research only, "
        "by a signed agreement with its authors. Cite Yang et al., TPAMI 2021."
    ),
    ask="its authors: Qize Yang, Ancong Wu and Wei-Shi Zheng, https://www.isee-ai.cn/~yangqize/clothing.html",
    counts={
        _OTHER: Counts(150, 17_896, 3_873, 3_384, 3),
        _SAME: Counts(150, 17_896, 3_543, 3_384, 3),
        f"{_OTHER}{_VAL}": Counts(150, 22_898, 3_873, 3_384, 3),
        f"{_SAME}{_VAL}": Counts(150, 22_898, 3_543, 3_384, 3),
    },
)
VARIANTS = tuple(ABOUT.counts)
_SHAPE = ("rgb/train", "rgb/val", "rgb/test/A", "rgb/test/B", "rgb/test/C")
_CAMERAS = {"A": 1, "B": 2, "C": 3}
_WORN = {"A": 0, "B": 0, "C": 1}
_QUERIES = {_OTHER: "C", _SAME: "B"}
_TRAIN = re.compile(r"(?P<camera>[ABC])_cropped_rgb\d+\.jpg")
_TEST = re.compile(r"cropped_rgb\d+\.jpg")
_PID = re.compile(r"\d{1,18}")


def load_prcc(root: str | os.PathLike[str], *, variant: str | None = None) -> ReIDDataset:
    """Read PRCC from `root`, the archive's folder or one up to three levels above it.

    `variant` says who asks for the images of camera A: "clothes-changing" (if None), those of C, or
    "same-clothes", those of B; with "+val" the validation images are trained on too. Camera ids are
    1 to 3 for A to C, and clothes 0, in C 1. The gallery is all images of A, as in Simple-CCReID,
    which the figures since Gu et al., CVPR 2022, are of; its authors drew one a person, ten times,
    whose mean the protocol "single-shot" gives exactly. Raises `DataError` for whatever is missing,
    empty or misnamed.
    """
    places = find_places(root, name="prcc", shapes=[_SHAPE])
    archive = places.the_one(places.holding(_SHAPE))
    if archive is None:
        raise places.absent([_SHAPE])
    chosen = variant or _OTHER
    train = _read_train(archive / "rgb/train")
    if chosen.endswith(_VAL):
        train += _read_train(archive / "rgb/val")
    return ReIDDataset(
        f"prcc:{chosen}",
        train,
        _read_test(archive / "rgb/test", _QUERIES[chosen.removesuffix(_VAL)]),
        _read_test(archive / "rgb/test", "A"),
        terms=ABOUT.terms,
    )


def _read_train(folder: Path) -> tuple[Sample, ...]:
    return tuple(
        _sample(image, pid, labels["camera"])
        for pid, person in _people(folder)
        for image, labels in named_images(person, _TRAIN, example="A_cropped_rgb001.jpg")
    )


def _read_test(folder: Path, camera: str) -> tuple[Sample, ...]:
    return tuple(
        _sample(image, pid, camera)
        for pid, person in _people(folder / camera)
        for image, _ in named_images(person, _TEST, example="cropped_rgb001.jpg")
    )


def _sample(image: Path, pid: int, camera: str) -> Sample:
    return Sample(image, pid, _CAMERAS[camera], _WORN[camera])


def _people(folder: Path) -> list[tuple[int, Path]]:
    """The people in a folder, each a folder named by a number, in the order of names."""
    people = []
    for person in list_folder(folder):
        if person.name.startswith(".") or not person.is_dir():
            continue
        if _PID.fullmatch(person.name) is None:
            raise DataError(
                f"misnamed folder {quoted(person)}: folders of people look like 001; rename or "
                "remove it"
            )
        people.append((int(person.name), person))
    if not people:
        raise DataError(
            f"no people in {quoted(folder)}: looked for folders like 001; unpack the archive again"
        )
    return people
