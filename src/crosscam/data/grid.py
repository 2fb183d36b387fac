"""GRID, of QMUL (Loy et al., "Multi-Camera Activity Correlation Analysis", CVPR 2009).

250 people in two images each, by two of eight cameras of an underground station, and 775 images of
others. 125 people are trained on; the other 125 are asked for in a gallery of 900 images. Its ten
splits were released with it.
"""

import os
import re
from pathlib import Path

import numpy as np

from crosscam.data.about import About, Counts
from crosscam.data.layout import read_folder
from crosscam.data.random_splits import VARIANTS
from crosscam.data.search import find_places, is_file
from crosscam.errors import DataError
from crosscam.extras import import_extra
from crosscam.files import quoted
from crosscam.types import ReIDDataset

ABOUT = About(
    summary="250 people seen by eight cameras of an underground station, and 775 distractors",
    terms=(
        "Pictures of real people, filmed in an underground station, for research; cite Loy et "
        "al., CVPR 2009. Its page says what else is asked."
    ),
    ask=(
        "its authors: Chen Change Loy and others, "
        "http://personal.ie.cuhk.edu.hk/~ccloy/downloads_qmul_underground_reid.html"
    ),
    counts={"": Counts(125, 250, 125, 900, 8)},
)
__all__ = ["ABOUT", "VARIANTS", "load_grid"]
_FOLDERS = ("probe", "gallery")
_SPLITS = "features_and_partitions.mat"
_NAME = re.compile(
    r"(?P<pid>\d{1,9})_(?P<camid>\d{1,9})_\d+_\d+_\d+_\d+_\d+\.(jpg|jpeg|png)", re.IGNORECASE
)
_EXAMPLE = "0001_1_25004_107_32_106_221.jpeg"


def load_grid(root: str | os.PathLike[str], *, variant: str | None = None) -> ReIDDataset:
    """Read GRID from `root`, the archive's folder or one up to three levels above it.

    `variant` is the split of `features_and_partitions.mat`, "0" (if None) to "9"; reading it needs
    the extra `mat`. The people whom it trains on are trained on with both images; the probe images
    of the others are the queries, and their gallery images, with all of pid 0, the distractors, the
    gallery. Raises `DataError` for whatever is missing, misnamed or broken, and `ExtraError` where
    SciPy is not installed.
    """
    places = find_places(root, name="grid", shapes=[_FOLDERS])
    archive = places.the_one(places.holding(_FOLDERS, fits=_has_splits))
    if archive is None:
        raise places.absent([_FOLDERS])
    split = int(variant or 0)
    probe, gallery = (read_folder(archive / folder, _NAME, example=_EXAMPLE) for folder in _FOLDERS)
    trained = _read_trained(archive / _SPLITS, split)
    missing = trained - {image.pid for image in probe}
    if missing:
        raise DataError(
            f"{quoted(archive / _SPLITS)} trains on person {min(missing)}, who has no image in "
            f"{quoted(archive / _FOLDERS[0])}; unpack the whole archive again"
        )
    return ReIDDataset(
        f"grid:{split}",
        tuple(image for image in (*probe, *gallery) if image.pid in trained),
        tuple(image for image in probe if image.pid not in trained),
        tuple(image for image in gallery if image.pid not in trained),
        terms=ABOUT.terms,
        notes=("one of the 10 splits of its authors; published figures are means over them",),
    )


def _has_splits(archive: Path) -> bool:
    return is_file(archive / _SPLITS)


def _read_trained(file: Path, split: int) -> set[int]:
    """The people whom a split trains on: the `personIdx` of its struct in `trainIdxAll`."""
    if not is_file(file):
        raise DataError(
            f"grid in {quoted(file.parent)} lacks {file.name}, which says who is in which split; "
            "unpack the whole archive there"
        )
    scipy_io = import_extra("scipy.io", extra="mat", purpose="reading the splits of grid")
    try:
        cells = np.ravel(scipy_io.loadmat(file, variable_names=["trainIdxAll"])["trainIdxAll"])
        people = {int(pid) for pid in np.ravel(np.ravel(cells[split])[0]["personIdx"])}
    except Exception as error:  # noqa: BLE001 - scipy does not say what it raises on broken files
        words = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{quoted(file)} has no split {split} of GRID ({words}); unpack the archive again"
        ) from None
    if not people:
        raise DataError(f"{quoted(file)}: split {split} trains on nobody; unpack the archive again")
    return people
