"""Market-1501 (Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015).

751 people and 12,936 images to train on; 3,368 queries; a gallery of 15,913 images, without the
3,819 junk boxes of pid -1. Pid 0 are distractors, who stay in the gallery. Six cameras.
"""

import os
import re
from dataclasses import replace
from pathlib import Path

from crosscam.data.about import About, Counts
from crosscam.data.layout import find_archive, read_folder, read_three_folders
from crosscam.data.search import missing_of
from crosscam.data.whole import train_on_all
from crosscam.errors import DataError
from crosscam.files import quoted
from crosscam.types import ReIDDataset

ABOUT = About(
    summary="1,501 people seen by six cameras in front of a supermarket",
    terms=(
        "Pictures of real people, filmed at Tsinghua University; for academic research only. "
        "Ask its authors for the data, and cite Zheng et al., ICCV 2015."
    ),
    ask="its authors: Liang Zheng and others",
    counts={"": Counts(751, 12_936, 3_368, 15_913, 6), "all": Counts(1_501, 29_419, 0, 0, 6)},
)
VARIANTS = ("all",)
_NAME = re.compile(
    r"(?P<pid>-1|\d{1,18})_c(?P<camid>\d{1,18})s\d+_\d+_\d+\.(jpg|jpeg|png)", re.IGNORECASE
)
_EXAMPLE = "0002_c1s1_000451_03.jpg"
_BY_HAND = "gt_bbox"


def load_market1501(
    root: str | os.PathLike[str], *, variant: str | None = None, multi_query: bool = False
) -> ReIDDataset:
    """Read Market-1501 from `root`, the archive's folder or one up to three levels above it.

    The variant "all" trains on everyone but the distractors. With `multi_query` the images of the
    queries' people in the queries' cameras are read, too, from the folder `gt_bbox`, which holds
    25,259 boxes drawn by hand.
    """
    archive = find_archive(root, name="market1501", names=_NAME)
    dataset = read_market_layout(archive, name="market1501", terms=ABOUT.terms)
    if variant is not None:
        if multi_query:
            raise DataError(f"market1501:{variant} has no queries; leave multi-query out")
        return train_on_all(dataset, name=f"market1501:{variant}", has_distractors=True)
    return _with_multi_query(dataset, archive / _BY_HAND) if multi_query else dataset


def read_market_layout(archive: Path, *, name: str, terms: str) -> ReIDDataset:
    """Read a folder that is laid out and named like Market-1501; junk is dropped and counted."""
    return read_three_folders(archive, _NAME, example=_EXAMPLE, name=name, terms=terms)


def _with_multi_query(dataset: ReIDDataset, folder: Path) -> ReIDDataset:
    """The data set with those images of `folder` that show a query's person in its camera."""
    if missing_of(folder.parent, [folder.name]):
        raise DataError(
            f"market1501 in {quoted(folder.parent)} lacks {_BY_HAND}, the images that multi-query "
            "pools; unpack the whole archive there, or leave multi-query out"
        )
    wanted = {(query.pid, query.camid): query for query in dataset.query}
    images = read_folder(folder, _NAME, example=_EXAMPLE)
    found = tuple(sample for sample in images if (sample.pid, sample.camid) in wanted)
    missing = wanted.keys() - {(sample.pid, sample.camid) for sample in found}
    if missing:
        query = wanted[min(missing)]
        raise DataError(
            f"{quoted(folder)} has no image of {len(missing)} of {len(wanted)} queries' people in "
            f"their cameras, such as that of {quoted(query.path)}; unpack the whole archive there, "
            "or leave multi-query out"
        )
    return replace(dataset, multi_query=found)
