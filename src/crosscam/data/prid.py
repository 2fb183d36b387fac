"""PRID 2011, single-shot (Hirzer et al., SCIA 2011).

385 people seen by camera A, 749 by camera B, of whom 200 are the same. 100 of these are trained on;
the other 100 are asked for by camera A in 649 images of camera B, those of the 549 people whom it
alone saw among them. Ten random splits.
"""

import os
import re

from crosscam.data.about import About, Counts
from crosscam.data.layout import read_people
from crosscam.data.random_splits import AVERAGED, VARIANTS, shuffled
from crosscam.data.search import find_places
from crosscam.errors import DataError
from crosscam.files import quoted
from crosscam.types import ReIDDataset

ABOUT = About(
    summary="200 people seen once by both of two cameras, 549 more by one; 10 random splits",
    terms=(
        "Pictures of real people, filmed in Graz, for research; cite Hirzer et al., SCIA 2011. "
        "Its page says what else is asked."
    ),
    ask=(
        "its authors: Martin Hirzer and others, "
        "https://www.tugraz.at/institute/icg/research/team-bischof/lrs/downloads/PRID11/"
    ),
    counts={"": Counts(100, 200, 100, 649, 2)},
)
__all__ = ["ABOUT", "VARIANTS", "load_prid"]
_FOLDERS = ("single_shot/cam_a", "single_shot/cam_b")
_NAME = re.compile(r"person_(?P<pid>\d{1,18})\.(png|jpg)", re.IGNORECASE)
_SHARED = 200


def load_prid(root: str | os.PathLike[str], *, variant: str | None = None) -> ReIDDataset:
    """Read PRID 2011 from `root`, the archive's folder or one up to three levels above it.

    `variant` is the split, "0" (if None) to "9". The authors released none: of split s, the people
    1 to 200, who are the same in both cameras, come in the order of `shuffled`; the first half is
    trained on, and the others are the queries, of camera A (1), in a gallery of camera B (2). From
    201 on an equal number is another person, so camera A's further images are left out. That is
    Torchreid's protocol, which draws from Python's unseeded generator. Raises `DataError` for
    whatever is missing or misnamed, and if one of the 200 is in one camera alone.
    """
    places = find_places(root, name="prid", shapes=[_FOLDERS])
    archive = places.the_one(places.holding(_FOLDERS))
    if archive is None:
        raise places.absent([_FOLDERS])
    first, second = (
        read_people(archive / folder, _NAME, example="person_0001.png", camid=camid)
        for camid, folder in enumerate(_FOLDERS, start=1)
    )
    both = [pid for pid in first.keys() | second.keys() if pid <= _SHARED]
    for pid in sorted(both):
        if pid not in first or pid not in second:
            raise DataError(
                f"prid in {quoted(archive)} has person {pid} in one camera alone, but 1 to "
                f"{_SHARED} are in both; unpack the whole archive again"
            )
    split = int(variant or 0)
    people = shuffled(both, name="prid", split=split)
    trained, tested = sorted(people[: len(people) // 2]), sorted(people[len(people) // 2 :])
    others = sorted(pid for pid in second if pid > _SHARED)
    unasked = len(first) - len(both)
    return ReIDDataset(
        f"prid:{split}",
        tuple(image[pid] for pid in trained for image in (first, second)),
        tuple(first[pid] for pid in tested),
        tuple(second[pid] for pid in (*tested, *others)),
        terms=ABOUT.terms,
        left_out={"images of people whom camera A alone saw": unasked} if unasked else {},
        notes=(AVERAGED,),
    )
