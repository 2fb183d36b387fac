"""Market-1501 (Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015).

751 people and 12,936 images to train on; 3,368 queries; a gallery of 15,913 images, without the
3,819 junk boxes of pid -1. Pid 0 are distractors, who stay in the gallery. Six cameras.
"""

import os
import re
from pathlib import Path

from crosscam.data.layout import find_archive, read_folder
from crosscam.types import ReIDDataset, Sample

TERMS = (
    "Pictures of real people, filmed at Tsinghua University; for academic research only. "
    "Ask its authors for the data, and cite Zheng et al., ICCV 2015."
)
_NAME = re.compile(r"(?P<pid>-1|\d+)_c(?P<camid>\d+)s\d+_\d+_\d+\.(jpg|jpeg|png)", re.IGNORECASE)
_EXAMPLE = "0002_c1s1_000451_03.jpg"
_JUNK = -1


def load_market1501(root: str | os.PathLike[str]) -> ReIDDataset:
    """Read Market-1501 from `root`, with or without the archive's outer folder."""
    archive = find_archive(
        root,
        name="market1501",
        outer=("Market-1501-v15.09.15",),
        folders=("bounding_box_train", "query", "bounding_box_test"),
    )
    return read_market_layout(archive, name="market1501", terms=TERMS)


def read_market_layout(archive: Path, *, name: str, terms: str) -> ReIDDataset:
    """Read a folder that is laid out and named like Market-1501; junk is dropped and counted."""
    train, junk_train = _without_junk(archive / "bounding_box_train")
    query, junk_query = _without_junk(archive / "query")
    gallery, junk_gallery = _without_junk(archive / "bounding_box_test")
    junk = junk_train + junk_query + junk_gallery
    return ReIDDataset(
        name=name,
        train=train,
        query=query,
        gallery=gallery,
        terms=terms,
        left_out={"junk images (pid -1)": junk} if junk else {},
    )


def _without_junk(folder: Path) -> tuple[tuple[Sample, ...], int]:
    samples = read_folder(folder, _NAME, example=_EXAMPLE)
    kept = tuple(sample for sample in samples if sample.pid != _JUNK)
    return kept, len(samples) - len(kept)
