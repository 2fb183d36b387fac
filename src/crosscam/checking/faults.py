"""The values of a check: an image with its splits, a finding, and the kinds that there are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from crosscam.types import ReIDDataset, Sample

TINY = (16, 32)
TALLEST = 6
MOST_PIXELS = 50_000_000
SPLITS = ("train", "query", "gallery")


class Entry(NamedTuple):
    """One image of a data set under one label, and all splits that hold it so."""

    sample: Sample
    splits: tuple[str, ...]


class Kind(NamedTuple):
    """A kind of finding: its title, and whether it is a fault or a remark."""

    title: str
    is_fault: bool


KINDS: Mapping[str, Kind] = {
    "corrupt": Kind("cannot be opened", True),
    "empty": Kind("empty file (0 bytes)", True),
    "huge": Kind(f"more than {MOST_PIXELS // 1_000_000} million pixels", True),
    "two-labels": Kind("same bytes, different labels", True),
    "train-and-test": Kind("same bytes in train and test", True),
    "shared-identity": Kind("person in train and test", True),
    "query-copy": Kind("query has the bytes of a gallery image", True),
    "identical": Kind("same bytes, same label", False),
    "near": Kind("nearly the same picture", False),
    "tiny": Kind(f"smaller than {TINY[0]} x {TINY[1]} pixels", False),
    "shape": Kind(f"wider than tall, or over {TALLEST}:1", False),
    "one-camera": Kind("person in one camera only", False),
    "unmatched": Kind("query without possible match", False),
    "note": Kind("noted by the reader", False),
}


@dataclass(frozen=True)
class Finding:
    """One thing found: its kind (a key of `KINDS`), the images it is about, and words on it."""

    kind: str
    images: tuple[Entry, ...]
    words: str

    @property
    def is_fault(self) -> bool:
        """Whether it is a fault, not a remark."""
        return KINDS[self.kind].is_fault

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that its images are in."""
        return splits_of(self.images)


def splits_of(entries: Iterable[Entry]) -> tuple[str, ...]:
    """The splits that any of the entries is in, in their usual order."""
    there = {split for entry in entries for split in entry.splits}
    return tuple(split for split in SPLITS if split in there)


def is_train_and_test(splits: Iterable[str]) -> bool:
    """Whether train is among these splits, and query or gallery, too: leakage."""
    there = set(splits)
    return "train" in there and len(there) > 1


def list_entries(dataset: ReIDDataset) -> list[Entry]:
    """Every image of a data set once for each label that it is given."""
    splits: dict[Sample, list[str]] = {}
    for split in SPLITS:
        for sample in getattr(dataset, split):
            splits.setdefault(sample, []).append(split)
    return [Entry(sample, tuple(dict.fromkeys(there))) for sample, there in splits.items()]


def divide_sides(entries: Iterable[Entry]) -> list[list[Entry]]:
    """The entries to train on, and those to test on."""
    there = list(entries)
    return [
        [entry for entry in there if "train" in entry.splits],
        [entry for entry in there if entry.splits != ("train",)],
    ]
