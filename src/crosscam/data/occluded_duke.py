"""Occluded-Duke (Miao et al., "Pose-Guided Feature Alignment", ICCV 2019).

DukeMTMC-reID split anew, so that all queries are people whom something hides in part. 702 people
and 15,618 images to train on; 2,210 queries; a gallery of 17,661 images. Eight cameras. DukeMTMC
was withdrawn by its authors in 2019.
"""

import os

from crosscam.data import dukemtmcreid
from crosscam.data.about import About, Counts
from crosscam.data.layout import find_archive, read_three_folders
from crosscam.errors import DataError
from crosscam.files import quoted
from crosscam.types import ReIDDataset

ABOUT = About(
    summary="DukeMTMC-reID split anew, with queries that are occluded",
    terms=f"{dukemtmcreid.ABOUT.terms} For the split, cite Miao et al., ICCV 2019.",
    ask="nobody: the pictures are no longer offered",
    counts={"": Counts(702, 15_618, 2_210, 17_661, 8)},
    withdrawn=dukemtmcreid.ABOUT.withdrawn,
    people_of="dukemtmcreid",
)


def load_occluded_duke(root: str | os.PathLike[str]) -> ReIDDataset:
    """Read Occluded-Duke from `root`, the archive's folder or one up to three levels above it.

    It is laid out and named like DukeMTMC-reID; where both are below the root, it is the one whose
    folder has "occluded" in its name. The data set's notes say that DukeMTMC was withdrawn.
    """
    archive = find_archive(
        root, name="occluded-duke", names=dukemtmcreid.NAME, fits=dukemtmcreid.is_occluded
    )
    if not dukemtmcreid.is_occluded(archive):
        raise DataError(
            f"{quoted(archive)} has no 'occluded' in its name, and DukeMTMC-reID, whose split is "
            "another, is laid out alike; read it with --data dukemtmcreid, or rename the folder"
        )
    return read_three_folders(
        archive,
        dukemtmcreid.NAME,
        example=dukemtmcreid.EXAMPLE,
        name="occluded-duke",
        terms=ABOUT.terms,
        notes=(ABOUT.withdrawn,),
    )
