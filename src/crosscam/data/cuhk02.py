"""CUHK02 (Li & Wang, "Locally Aligned Feature Transforms across Views", CVPR 2013).

Five pairs of cameras, each with people of its own, who have two images in either camera. 1,577
people and 6,308 images of the pairs P1 to P4 to train on; the 239 people of P5 to test with, 478
queries of its first camera in 478 images of its second.
"""

import os
import re
from pathlib import Path

from crosscam.data.about import About, Counts
from crosscam.data.layout import read_folder
from crosscam.data.search import find_places
from crosscam.data.whole import train_on_all
from crosscam.types import ReIDDataset, Sample

ABOUT = About(
    summary="1,816 people seen by five pairs of cameras on a campus",
    terms=(
        "Pictures of real people, filmed at the Chinese University of Hong Kong; for academic "
        "research only. Ask its authors for the data, and cite Li and Wang, CVPR 2013."
    ),
    ask=(
        "its authors: Wei Li and Xiaogang Wang, "
        "http://www.ee.cuhk.edu.hk/~xgwang/CUHK_identification.html"
    ),
    counts={"": Counts(1_577, 6_308, 478, 478, 10), "all": Counts(1_816, 7_264, 0, 0, 10)},
)
VARIANTS = ("all",)
_PAIRS = 5
_FOLDERS = tuple(f"P{pair}/cam{side}" for pair in range(1, _PAIRS + 1) for side in (1, 2))
_NAME = re.compile(r"(?P<pid>\d{1,9})_\d+\.png", re.IGNORECASE)
_BETWEEN = 10_000


def load_cuhk02(root: str | os.PathLike[str], *, variant: str | None = None) -> ReIDDataset:
    """Read CUHK02 from `root`, the archive's folder or one up to three levels above it.

    The split is Torchreid's, which trains on the pairs P1 to P4 and asks for images of P5's first
    camera in its second; the variant "all" trains on everyone. Pids are 10,000 x pair + the number
    that a name begins with, camera ids 1 to 10. Raises `DataError` for whatever is missing, empty
    or misnamed.
    """
    places = find_places(root, name="cuhk02", shapes=[_FOLDERS])
    archive = places.the_one(places.holding(_FOLDERS))
    if archive is None:
        raise places.absent([_FOLDERS])
    cameras = [_read(archive / folder, camid) for camid, folder in enumerate(_FOLDERS, start=1)]
    train = tuple(sample for camera in cameras[:-2] for sample in camera)
    dataset = ReIDDataset("cuhk02", train, cameras[-2], cameras[-1], terms=ABOUT.terms)
    return dataset if variant is None else train_on_all(dataset, name=f"cuhk02:{variant}")


def _read(folder: Path, camid: int) -> tuple[Sample, ...]:
    first = _BETWEEN * ((camid + 1) // 2)
    images = read_folder(folder, _NAME, example="001_0501.png", camid=camid)
    return tuple(image._replace(pid=first + image.pid) for image in images)
