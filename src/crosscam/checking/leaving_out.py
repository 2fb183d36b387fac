"""Which images are better left out, and why."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from crosscam.checking.faults import KINDS, Entry, Finding

_ALL = ("corrupt", "empty", "huge", "two-labels")
_ALL_BUT_ONE = ("train-and-test", "query-copy", "identical")


def choose_left_out(findings: Iterable[Finding]) -> dict[Path, str]:
    """The faulty images, each with the reason in words.

    Of images with the same bytes and label one is kept, a query before a gallery image before a
    training image; where labels differ, or one file is in train and test, none is.
    """
    left_out: dict[Path, str] = {}
    for finding in findings:
        paths = list(dict.fromkeys(image.sample.path for image in _kept_first(finding.images)))
        if finding.kind in _ALL_BUT_ONE and len(paths) > 1:
            kept, *dropped = paths
            for path in dropped:
                left_out[path] = f"{KINDS[finding.kind].title}, as {kept.name} has"
        elif finding.kind in (*_ALL, *_ALL_BUT_ONE):
            for path in paths:
                left_out[path] = f"{KINDS[finding.kind].title}: {finding.words}"
    return left_out


def _kept_first(images: Sequence[Entry]) -> list[Entry]:
    return sorted(
        images, key=lambda image: ("query" not in image.splits, "gallery" not in image.splits)
    )
