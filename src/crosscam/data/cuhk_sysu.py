"""CUHK-SYSU (Xiao et al., "Joint Detection and Identification Feature Learning", CVPR 2017).

A data set of person search, of which re-identification takes the people cut out of the scenes:
11,934 people in 34,574 images, all to train on. No camera is known.
"""

import os
import re

from crosscam.data.about import About, Counts
from crosscam.data.layout import read_folder
from crosscam.data.search import find_places
from crosscam.types import ReIDDataset

ABOUT = About(
    summary="11,934 people of street snaps and films, cut out of the scenes; to train on alone",
    terms=(
        "Pictures of real people, from streets and films; for academic research only. Ask its "
        "authors for the data, and cite Xiao et al., CVPR 2017."
    ),
    ask="its authors: Tong Xiao and others, http://www.ee.cuhk.edu.hk/~xgwang/PS/dataset.html",
    counts={"": Counts(11_934, 34_574, 0, 0, 0)},
)
_FOLDER = "cropped_images"
_NAME = re.compile(r"p(?P<pid>\d{1,18})_s\d+_\d+\.(jpg|jpeg|png)", re.IGNORECASE)


def load_cuhk_sysu(root: str | os.PathLike[str]) -> ReIDDataset:
    """Read the cut-out people of CUHK-SYSU from `root`, or from up to three levels below it.

    They lie in a folder `cropped_images`, named like `p11422_s16929_1.jpg` by person, scene and
    place, as Torchreid and FastReID have them. Both give all images one made-up camera; here
    cameras are not known. Raises `DataError` for whatever is missing, empty or misnamed.
    """
    places = find_places(root, name="cuhk-sysu", shapes=[[_FOLDER]])
    archive = places.the_one(places.holding([_FOLDER]))
    if archive is None:
        raise places.absent([[_FOLDER]])
    images = read_folder(archive / _FOLDER, _NAME, example="p11422_s16929_1.jpg")
    return ReIDDataset("cuhk-sysu", tuple(images), (), (), terms=ABOUT.terms)
