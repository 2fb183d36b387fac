"""CUHK03 (Li et al., "DeepReID", CVPR 2014), with the 767/700 split or a classic one.

Two sets of pictures of the same people: cut out by a detector ("detected") or by hand ("labeled").
The 767/700 split is of Zhong et al., "Re-ranking Person Re-identification with k-reciprocal
Encoding", CVPR 2017. The 20 classic splits test 100 of the 1,467 people and train on the others.
"""

import os
import re
from pathlib import Path

from crosscam.data.about import About, Counts
from crosscam.data.cuhk03_archive import NAME, read_split, read_test_people
from crosscam.data.cuhk03_cut import CutOut, cut_out
from crosscam.data.layout import MARKET_FOLDERS, list_folder, read_three_folders
from crosscam.data.progress import OnImages, unwatched
from crosscam.data.search import Places, find_places, is_file
from crosscam.data.whole import train_on_all
from crosscam.errors import DataError
from crosscam.files import quoted
from crosscam.types import ReIDDataset, Sample

ABOUT = About(
    summary="1,467 people seen by five pairs of cameras on a campus",
    terms=(
        "Pictures of real people, filmed at the Chinese University of Hong Kong; for academic "
        "research only. Ask its authors for the data, and cite Li et al., CVPR 2014."
    ),
    ask=(
        "its authors: Wei Li and others, http://www.ee.cuhk.edu.hk/~xgwang/CUHK_identification.html"
    ),
    counts={
        "detected": Counts(767, 7_365, 1_400, 5_332, 2),
        "labeled": Counts(767, 7_368, 1_400, 5_328, 2),
        "detected+all": Counts(1_467, 14_097, 0, 0, 2),
        "labeled+all": Counts(1_467, 14_096, 0, 0, 2),
    },
)
_KINDS = ("detected", "labeled")
_ALL = "+all"
_CLASSIC_SPLITS = 20
VARIANTS = (
    *ABOUT.counts,
    *(f"classic-{kind}:{split}" for kind in _KINDS for split in range(_CLASSIC_SPLITS)),
)
_ARCHIVE = "cuhk-03.mat"
_PREPARED = re.compile(r"(?P<pid>\d{1,18})_c(?P<camid>\d{1,18})_\d+\.(jpg|jpeg|png)", re.IGNORECASE)
_CLASSIC_PEOPLE = (1_367, 100)


def load_cuhk03(
    root: str | os.PathLike[str],
    *,
    variant: str | None = None,
    on_images: OnImages = unwatched,
) -> ReIDDataset:
    """Read CUHK03 from `root`, the archive's folder or one up to three levels above it.

    `variant` is "detected" (if None), "labeled", or a classic split, "classic-detected:0" to
    "classic-labeled:19"; "detected+all" and "labeled+all" train on everyone. Images are those of a
    folder `images_detected` (`images_labeled`), else are cut out of `cuhk-03.mat` into crosscam's
    cache, which `on_images` is told; the 767/700 split is of
    `cuhk03_new_protocol_config_detected.mat`, or of the three folders of CUHK03-NP. Pids are the
    split's labels; in classic splits, whose test images are both query and gallery and whose
    protocol is "single-shot", 1000 x pair + person. Raises `DataError` for whatever is missing or
    broken, and if h5py or scipy are needed and not installed.
    """
    variant = variant or "detected"
    places = find_places(root, name="cuhk03")
    kind, _, split = variant.removeprefix("classic-").removesuffix(_ALL).partition(":")
    if split:
        return _load_classic(places, kind, int(split), on_images=on_images)
    dataset = _load_new(places, kind, on_images=on_images)
    return train_on_all(dataset, name=f"cuhk03:{variant}") if variant.endswith(_ALL) else dataset


def _load_new(places: Places, kind: str, *, on_images: OnImages) -> ReIDDataset:
    """The 767/700 split."""
    prepared = places.the_one(places.holding(_prepared(kind)))
    if prepared is not None:
        return read_three_folders(
            prepared / kind,
            _PREPARED,
            example="0001_c1_1.png",
            name=f"cuhk03:{kind}",
            terms=ABOUT.terms,
        )
    source = _find_images(places, kind)
    split_file = _needed(places, f"cuhk03_new_protocol_config_{kind}.mat")
    parts = read_split(split_file)
    images = _at_hand(source, kind, on_images=on_images)
    train, query, gallery = (
        tuple(_sample(images.folder, name, pid, split_file) for name, pid in part) for part in parts
    )
    return ReIDDataset(
        f"cuhk03:{kind}", train, query, gallery, terms=ABOUT.terms, notes=images.notes
    )


def _load_classic(places: Places, kind: str, split: int, *, on_images: OnImages) -> ReIDDataset:
    source = _find_images(places, kind)
    archive = _needed(places, _ARCHIVE)
    tested = set(read_test_people(archive, split))
    images = _at_hand(source, kind, on_images=on_images)
    people = _read_people(images.folder)
    for pair, person in sorted(tested - people.keys()):
        raise DataError(
            f"{quoted(archive)}: classic split {split} tests person {person} of pair {pair}, who "
            f"has no image in {quoted(images.folder)}; unpack or fetch it again"
        )
    test = tuple(sample for key in people if key in tested for sample in people[key])
    counts = (len(people) - len(tested), len(tested))
    differing = (
        f"{counts[0]:,} people to train on and {counts[1]:,} to test on, "
        f"published are {_CLASSIC_PEOPLE[0]:,} and {_CLASSIC_PEOPLE[1]:,}"
    )
    return ReIDDataset(
        name=f"cuhk03:classic-{kind}:{split}",
        train=tuple(sample for key in people if key not in tested for sample in people[key]),
        query=test,
        gallery=test,
        terms=ABOUT.terms,
        notes=(*images.notes, *([differing] if counts != _CLASSIC_PEOPLE else [])),
        protocol="single-shot",
    )


def _find_images(places: Places, kind: str) -> Path:
    """The folder of images that are cut out already, else `cuhk-03.mat`."""
    already = places.the_one(places.holding([f"images_{kind}"]))
    if already is not None:
        return already / f"images_{kind}"
    archive = places.the_one(places.files(_ARCHIVE))
    if archive is None:
        raise places.absent([_prepared(kind), [f"images_{kind}"]], or_file=_ARCHIVE)
    return archive


def _at_hand(source: Path, kind: str, *, on_images: OnImages) -> CutOut:
    return CutOut(source) if source.is_dir() else cut_out(source, kind, on_images=on_images)


def _prepared(kind: str) -> list[str]:
    return [f"{kind}/{folder}" for folder in MARKET_FOLDERS]


def _needed(places: Places, name: str) -> Path:
    file = places.the_one(places.files(name))
    if file is None:
        raise DataError(
            f"cuhk03 below {quoted(places.root)} lacks {name}, which says who is in which split; "
            "put it there"
        )
    return file


def _sample(folder: Path, name: str, pid: int, split_file: Path) -> Sample:
    labels = NAME.fullmatch(name)
    if labels is None or not is_file(folder / name):
        raise DataError(
            f"{quoted(split_file)} names {quoted(name[:80])}, which is not in {quoted(folder)}; "
            "they do not belong together, so fetch both again"
        )
    return Sample(folder / name, pid, int(labels["camid"]))


def _read_people(folder: Path) -> dict[tuple[int, int], list[Sample]]:
    """The images of each (pair, person), in the order of their names."""
    people: dict[tuple[int, int], list[Sample]] = {}
    for entry in list_folder(folder):
        labels = NAME.fullmatch(entry.name)
        if labels is not None:
            pair, person = int(labels["pair"]), int(labels["person"])
            sample = Sample(entry, 1_000 * pair + person, int(labels["camid"]))
            people.setdefault((pair, person), []).append(sample)
    return people
