"""VIPeR (Gray et al., "Evaluating Appearance Models for Recognition", PETS 2007).

632 people, each with one image by either of two cameras. Half of them are trained on, and the
others asked for by camera A in the images of camera B. Ten random splits.
"""

import os
import re
from pathlib import Path

from crosscam.data.about import About, Counts
from crosscam.data.layout import begins_with, read_people
from crosscam.data.random_splits import AVERAGED, VARIANTS, shuffled
from crosscam.data.search import find_places
from crosscam.errors import DataError
from crosscam.files import quoted
from crosscam.types import ReIDDataset

ABOUT = About(
    summary="632 people, each seen once by either of two cameras; 10 random splits",
    terms=(
        "Pictures of real people, made at the University of California, Santa Cruz, for research; "
        "cite Gray et al., PETS 2007. No licence comes with them."
    ),
    ask="its authors: Douglas Gray and others, https://vision.soe.ucsc.edu/node/178",
    counts={"": Counts(316, 632, 316, 316, 2)},
)
__all__ = ["ABOUT", "VARIANTS", "load_viper"]
_FOLDERS = ("cam_a", "cam_b")
_NAME = re.compile(r"(?P<pid>\d{1,18})_\d+\.(bmp|png|jpg)", re.IGNORECASE)


def load_viper(root: str | os.PathLike[str], *, variant: str | None = None) -> ReIDDataset:
    """Read VIPeR from `root`, the archive's folder or one up to three levels above it.

    `variant` is the split, "0" (if None) to "9". The authors released none: of split s, the people
    come in the order of `shuffled`, the first half is trained on, and the others are tested with,
    queries of camera A (1) in a gallery of camera B (2). Torchreid draws as many people, from
    NumPy's unseeded generator, and tests the other way round besides. Raises `DataError` for
    whatever is missing or misnamed, and for a person without an image by either camera.
    """
    places = find_places(root, name="viper", shapes=[_FOLDERS])
    archive = places.the_one(places.holding(_FOLDERS, fits=_is_viper))
    if archive is None:
        raise places.absent([_FOLDERS])
    first, second = (
        read_people(archive / folder, _NAME, example="000_45.bmp", camid=camid)
        for camid, folder in enumerate(_FOLDERS, start=1)
    )
    for pid in sorted(first.keys() ^ second.keys()):
        raise DataError(
            f"viper in {quoted(archive)} has person {pid} in one of {' and '.join(_FOLDERS)} "
            "alone; unpack the whole archive again"
        )
    split = int(variant or 0)
    people = shuffled(first, name="viper", split=split)
    trained, tested = people[: len(people) // 2], sorted(people[len(people) // 2 :])
    return ReIDDataset(
        f"viper:{split}",
        tuple(image[pid] for pid in sorted(trained) for image in (first, second)),
        tuple(first[pid] for pid in tested),
        tuple(second[pid] for pid in tested),
        terms=ABOUT.terms,
        notes=(AVERAGED,),
    )


def _is_viper(archive: Path) -> bool:
    return begins_with(archive / _FOLDERS[0], _NAME)
