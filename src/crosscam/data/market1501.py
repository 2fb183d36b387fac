"""Market-1501 (Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015).

751 people and 12,936 images to train on; 3,368 queries; a gallery of 15,913 images, without the
3,819 junk boxes of pid -1. Pid 0 are distractors, who stay in the gallery. Six cameras.
"""

import os
import re
from pathlib import Path

from crosscam.data.about import About, Counts
from crosscam.data.layout import MARKET_FOLDERS, find_archive, read_three_folders
from crosscam.types import ReIDDataset

ABOUT = About(
    summary="1,501 people seen by six cameras in front of a supermarket",
    terms=(
        "Pictures of real people, filmed at Tsinghua University; for academic research only. "
        "Ask its authors for the data, and cite Zheng et al., ICCV 2015."
    ),
    ask="its authors: Liang Zheng and others",
    counts={"": Counts(751, 12_936, 3_368, 15_913, 6)},
)
_NAME = re.compile(r"(?P<pid>-1|\d+)_c(?P<camid>\d+)s\d+_\d+_\d+\.(jpg|jpeg|png)", re.IGNORECASE)
_EXAMPLE = "0002_c1s1_000451_03.jpg"


def load_market1501(root: str | os.PathLike[str]) -> ReIDDataset:
    """Read Market-1501 from `root`, with or without the archive's outer folder."""
    archive = find_archive(
        root,
        name="market1501",
        outer=("Market-1501-v15.09.15",),
        folders=MARKET_FOLDERS,
    )
    return read_market_layout(archive, name="market1501", terms=ABOUT.terms)


def read_market_layout(archive: Path, *, name: str, terms: str) -> ReIDDataset:
    """Read a folder that is laid out and named like Market-1501; junk is dropped and counted."""
    return read_three_folders(archive, _NAME, example=_EXAMPLE, name=name, terms=terms)
