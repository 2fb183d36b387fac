"""What is wrong with the labels of a data set; no picture is opened for it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from crosscam.checking.faults import (
    SPLITS,
    Entry,
    Finding,
    divide_sides,
    is_train_and_test,
    splits_of,
)
from crosscam.types import ReIDDataset, Sample


class SplitCounts(NamedTuple):
    """How much one split holds; `cameras` is None where cameras are not known."""

    identities: int
    images: int
    cameras: int | None


def count_splits(dataset: ReIDDataset) -> dict[str, SplitCounts]:
    """The counts of each split, by its name."""
    return {split: _count(getattr(dataset, split)) for split in SPLITS}


def check_labels(
    dataset: ReIDDataset, entries: Sequence[Entry], *, numbered_apart: bool
) -> list[Finding]:
    """What labels alone show, and what the reader noted, such as counts that are not published.

    Where people are `numbered_apart`, an equal pid in train and in test is another person.
    """
    sides = divide_sides(entries) if numbered_apart else [entries]
    people = [_by_pid(side) for side in sides]
    test = _by_pid([entry for entry in entries if entry.splits != ("train",)])
    return [
        *chain.from_iterable(_shared(side) for side in people if not numbered_apart),
        *chain.from_iterable(_in_one_camera(side) for side in people),
        *_unmatched(dataset, test),
        *(Finding("note", (), note) for note in dataset.notes),
    ]


def _by_pid(entries: Iterable[Entry]) -> dict[int, list[Entry]]:
    people: dict[int, list[Entry]] = defaultdict(list)
    for entry in entries:
        people[entry.sample.pid].append(entry)
    return people


def _count(samples: Sequence[Sample]) -> SplitCounts:
    cameras = {sample.camid for sample in samples}
    return SplitCounts(
        identities=len({sample.pid for sample in samples}),
        images=len(samples),
        cameras=None if None in cameras else len(cameras),
    )


def _shared(people: dict[int, list[Entry]]) -> Iterable[Finding]:
    for pid, entries in sorted(people.items()):
        splits = splits_of(entries)
        if is_train_and_test(splits):
            yield Finding("shared-identity", tuple(entries), f"person {pid}: {', '.join(splits)}")


def _in_one_camera(people: dict[int, list[Entry]]) -> Iterable[Finding]:
    """Training and query people seen by one camera; who is in the gallery alone is a distractor."""
    for pid, entries in sorted(people.items()):
        cameras = {entry.sample.camid for entry in entries}
        if len(cameras) == 1 and None not in cameras and splits_of(entries) != ("gallery",):
            words = f"person {pid}, camera {cameras.pop()}, images: {len(entries)}"
            yield Finding("one-camera", tuple(entries), words)


def _unmatched(dataset: ReIDDataset, people: dict[int, list[Entry]]) -> Iterable[Finding]:
    for query in dict.fromkeys(dataset.query):
        others = (entry.sample for entry in people[query.pid] if "gallery" in entry.splits)
        if not any(_can_match(query, other) for other in others):
            seen = "" if query.camid is None else f", camera {query.camid}"
            entry = next(entry for entry in people[query.pid] if entry.sample == query)
            yield Finding("unmatched", (entry,), f"person {query.pid}{seen}")


def _can_match(query: Sample, other: Sample) -> bool:
    if query.camid is None:
        return other.path != query.path
    return other.camid != query.camid
