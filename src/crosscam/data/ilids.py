"""QMUL i-LIDS (Zheng et al., "Associating Groups of People", BMVC 2009).

119 people in 476 images, cut out of the i-LIDS films of an airport. 59 of them are trained on, with
all their images; of each of the other 60 one image is asked for in a gallery of one other image of
each. Ten random splits. Which of the cameras took an image is not known.
"""

import os
import re
from collections import defaultdict
from pathlib import Path

from crosscam.data.about import About
from crosscam.data.layout import begins_with, read_folder
from crosscam.data.random_splits import AVERAGED, VARIANTS, shuffled
from crosscam.data.search import find_places
from crosscam.errors import DataError
from crosscam.files import quoted
from crosscam.types import ReIDDataset, Sample

ABOUT = About(
    summary="119 people seen in an airport, by cameras that are not named; 10 random splits",
    terms=(
        "Pictures of real people, cut out of films that are the property of the British Home "
        "Office, for research; cite Zheng et al., BMVC 2009. Its page says what else is asked."
    ),
    ask="its authors: Wei-Shi Zheng and others, Queen Mary University of London",
    counts={},
)
__all__ = ["ABOUT", "VARIANTS", "load_ilids"]
_FOLDER = "Persons"
_NAME = re.compile(r"(?P<pid>\d{4})\d{3}\.(jpg|jpeg|png)", re.IGNORECASE)
_PUBLISHED = (119, 476)


def load_ilids(root: str | os.PathLike[str], *, variant: str | None = None) -> ReIDDataset:
    """Read QMUL i-LIDS from `root`, the archive's folder or one up to three levels above it.

    The images lie in a folder `Persons`, named like `0001002.jpg`, the second of person 1.
    `variant` is the split, "0" (if None) to "9". None were released: of split s, the people come in
    the order of `shuffled`; the first half (rounded down) is trained on; of each of the others the
    images come in the order of `shuffled`, by name, the first is the query and the second the
    gallery. Torchreid draws as many, from Python's unseeded generator, and takes the last three
    digits of a name for a camera, which they are not: no image is left out for its camera there or
    here. Raises `DataError` for whatever is missing or misnamed, and for a person of one image.
    """
    places = find_places(root, name="ilids", shapes=[[_FOLDER]])
    archive = places.the_one(places.holding([_FOLDER], fits=_is_ilids))
    if archive is None:
        raise places.absent([[_FOLDER]])
    images: dict[int, list[Sample]] = defaultdict(list)
    for image in read_folder(archive / _FOLDER, _NAME, example="0001002.jpg"):
        images[image.pid].append(image)
    alone = [pid for pid, own in images.items() if len(own) == 1]
    if alone:
        raise DataError(
            f"ilids in {quoted(archive)} has one image alone of person {alone[0]}, who cannot be "
            "asked for; unpack the whole archive again"
        )
    split = int(variant or 0)
    people = shuffled(images, name="ilids", split=split)
    trained, tested = sorted(people[: len(people) // 2]), sorted(people[len(people) // 2 :])
    pairs = [_two(images[pid], split) for pid in tested]
    counts = (len(images), sum(map(len, images.values())))
    further = sum(len(images[pid]) - 2 for pid in tested)
    differing = (
        f"{counts[0]:,} people in {counts[1]:,} images, published are {_PUBLISHED[0]:,} in "
        f"{_PUBLISHED[1]:,}"
    )
    return ReIDDataset(
        f"ilids:{split}",
        tuple(image for pid in trained for image in images[pid]),
        tuple(query for query, _ in pairs),
        tuple(found for _, found in pairs),
        terms=ABOUT.terms,
        left_out={"further images of the people to test with": further} if further else {},
        notes=(AVERAGED, *([differing] if counts != _PUBLISHED else [])),
        protocol="no-cameras",
    )


def _two(images: list[Sample], split: int) -> tuple[Sample, Sample]:
    """The query and the gallery image of a person."""
    by_name = {image.path.name: image for image in images}
    first, second, *_ = shuffled(by_name, name="ilids", split=split)
    return by_name[first], by_name[second]


def _is_ilids(archive: Path) -> bool:
    return begins_with(archive / _FOLDER, _NAME)
