"""A whole check of a data set: every image opened, every label looked at."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from crosscam.checking.faults import (
    KINDS,
    TALLEST,
    TINY,
    Entry,
    Finding,
    divide_sides,
    is_train_and_test,
    list_entries,
    splits_of,
)
from crosscam.checking.labels import SplitCounts, check_labels, count_splits
from crosscam.checking.look import find_near
from crosscam.checking.scan import Scan, scan_images
from crosscam.data.about import Counts
from crosscam.data.exclusion import list_paths
from crosscam.data.registry import READERS
from crosscam.types import ReIDDataset


@dataclass(frozen=True)
class Checkup:
    """What a check found, faults first, by kind; `counts` are by split.

    `published` are the counts that the authors give, None where there are none for this variant.
    """

    dataset: ReIDDataset
    counts: Mapping[str, SplitCounts]
    published: Counts | None
    findings: tuple[Finding, ...]

    @property
    def num_images(self) -> int:
        """How many files were opened."""
        return len(list_paths(self.dataset))

    @property
    def num_faults(self) -> int:
        """How many findings are faults."""
        return sum(finding.is_fault for finding in self.findings)

    def by_kind(self) -> dict[str, list[Finding]]:
        """The findings of each kind that was found, faults first."""
        kinds: dict[str, list[Finding]] = {}
        for finding in self.findings:
            kinds.setdefault(finding.kind, []).append(finding)
        return kinds


def check_dataset(
    dataset: ReIDDataset, *, jobs: int = 1, on_images: Callable[[int], None] | None = None
) -> Checkup:
    """Open every image of a data set, in `jobs` processes, and say what is wrong.

    Files are only read. `on_images` is called with the number of images done since the last call.
    The result does not depend on `jobs`. Raises `DataError` if the system ended a process.
    """
    name, _, variant = dataset.name.partition(":")
    about = READERS[name].about if name in READERS else None
    published = about.published(variant) if about else None
    apart = about is not None and about.numbers_train_and_test_apart
    entries = list_entries(dataset)
    scan = scan_images([entry.sample.path for entry in entries], jobs=jobs, on_images=on_images)
    usable = [place for place in range(len(entries)) if place not in scan.troubles]
    groups = _same_bytes(scan, usable)
    findings = chain(
        _broken(entries, scan),
        _same(entries, groups, numbered_apart=apart),
        _near(entries, scan, [group[0] for group in groups]),
        _odd(entries, scan, usable),
        check_labels(dataset, entries, numbered_apart=apart),
    )
    order = list(KINDS)
    ordered = sorted(findings, key=lambda finding: order.index(finding.kind))
    return Checkup(dataset, count_splits(dataset), published, tuple(ordered))


def _broken(entries: Sequence[Entry], scan: Scan) -> Iterable[Finding]:
    for place, trouble in scan.troubles.items():
        yield Finding(trouble.kind, (entries[place],), trouble.words)


def _same_bytes(scan: Scan, usable: Sequence[int]) -> list[list[int]]:
    """Positions of usable images, grouped by their bytes; most groups hold one."""
    groups: dict[bytes, list[int]] = {}
    for place in usable:
        groups.setdefault(scan.digests[place].tobytes(), []).append(place)
    return list(groups.values())


def _same(
    entries: Sequence[Entry], groups: Iterable[Sequence[int]], *, numbered_apart: bool
) -> Iterable[Finding]:
    for group in groups:
        images = tuple(entries[place] for place in group)
        sides = divide_sides(images) if numbered_apart else [images]
        if any(
            len({(entry.sample.pid, entry.sample.camid) for entry in side}) > 1 for side in sides
        ):
            kind = "two-labels"
        elif is_train_and_test(splits_of(images)):
            kind = "train-and-test"
        elif _finds_itself(images):
            kind = "query-copy"
        elif len(images) > 1:
            kind = "identical"
        else:
            continue
        yield Finding(kind, images, _whose(images))


def _finds_itself(images: Sequence[Entry]) -> bool:
    """Whether a query and another gallery file are equal, and no camera rules that out."""
    there = splits_of(images)
    is_searched = "query" in there and "gallery" in there and len(images) > 1
    return is_searched and images[0].sample.camid is None


def _near(entries: Sequence[Entry], scan: Scan, places: Sequence[int]) -> list[Finding]:
    """Groups that look nearly the same, those that reach from train to test first."""
    rows = np.asarray(places, dtype=np.int64)
    findings = []
    for group in find_near(scan.hashes[rows], scan.thumbnails[rows]):
        images = tuple(entries[places[number]] for number in group)
        findings.append(Finding("near", images, _whose(images)))
    return sorted(findings, key=lambda finding: not is_train_and_test(finding.splits))


def _odd(entries: Sequence[Entry], scan: Scan, usable: Iterable[int]) -> Iterable[Finding]:
    for place in usable:
        width, height = (int(side) for side in scan.sizes[place])
        words = f"{width} x {height} pixels"
        if width < TINY[0] or height < TINY[1]:
            yield Finding("tiny", (entries[place],), words)
        if width > height or height > TALLEST * width:
            yield Finding("shape", (entries[place],), words)


def _whose(images: Sequence[Entry]) -> str:
    """Whose pictures a group holds, and in which splits."""
    labels = dict.fromkeys((image.sample.pid, image.sample.camid) for image in images)
    shown = [_label(pid, camid) for pid, camid in list(labels)[:4]]
    more = [f"{len(labels) - 4} more"] if len(labels) > 4 else []
    return f"{'; '.join([*shown, *more])} ({', '.join(splits_of(images))})"


def _label(pid: int, camid: int | None) -> str:
    return f"person {pid}" if camid is None else f"person {pid}, camera {camid}"
