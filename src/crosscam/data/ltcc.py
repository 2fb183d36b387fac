"""LTCC (Qian et al., "Long-Term Cloth-Changing Person Re-identification", ACCV 2020).

152 people in 478 sets of clothes, seen by twelve cameras over two months. 77 people and 9,576
images to train on; 493 queries; a gallery of 7,050 images.
"""

import os
import re
from pathlib import Path

from crosscam.data.about import About, Counts
from crosscam.data.layout import begins_with, read_folder
from crosscam.data.search import find_places
from crosscam.types import Protocol, ReIDDataset

_SIZE = Counts(77, 9_576, 493, 7_050, 12)
_PROTOCOLS: dict[str, Protocol] = {
    "standard": "cross-camera",
    "clothes-changing": "clothes-changing",
    "same-clothes": "same-clothes",
}
ABOUT = About(
    summary="152 people seen by twelve cameras over two months, most in several clothes",
    terms=(
        "Pictures of real people, filmed indoors; for academic research only, by a signed "
        "agreement with its authors. Cite Qian et al., ACCV 2020."
    ),
    ask="its authors: Xuelin Qian and others, https://naiq.github.io/LTCC_Perosn_ReID.html",
    counts=dict.fromkeys(_PROTOCOLS, _SIZE),
)
VARIANTS = tuple(_PROTOCOLS)
_FOLDERS = ("train", "query", "test")
_NAME = re.compile(
    r"(?P<pid>\d{1,18})_(?P<clothes>\d{1,18})_c(?P<camid>\d{1,18})_\d+\.png", re.IGNORECASE
)


def load_ltcc(root: str | os.PathLike[str], *, variant: str | None = None) -> ReIDDataset:
    """Read LTCC from `root`, the archive's folder or one up to three levels above it.

    `variant` says which true matches count: "standard" (if None), all from other cameras;
    "clothes-changing", those in other clothes; "same-clothes", those in the query's. Images are the
    same. An image that does not count is left out for its query, as in Simple-CCReID, which the
    figures since Gu et al., CVPR 2022, are of. Clothes are numbered for each person, as the second
    field of a name has them. Raises `DataError` for whatever is missing, empty or misnamed.
    """
    places = find_places(root, name="ltcc", shapes=[_FOLDERS])
    archive = places.the_one(places.holding(_FOLDERS, fits=_is_ltcc))
    if archive is None:
        raise places.absent([_FOLDERS])
    train, query, gallery = (
        tuple(read_folder(archive / folder, _NAME, example="001_1_c1_015833.png"))
        for folder in _FOLDERS
    )
    chosen = variant or VARIANTS[0]
    return ReIDDataset(
        f"ltcc:{chosen}", train, query, gallery, terms=ABOUT.terms, protocol=_PROTOCOLS[chosen]
    )


def _is_ltcc(archive: Path) -> bool:
    return begins_with(archive / _FOLDERS[0], _NAME)
