"""The data set `folder`: own pictures, split as they say or by a stated rule."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from crosscam.data.about import About
from crosscam.data.own_pictures import OwnPictures, find_pictures
from crosscam.data.splitting import split_by_rule
from crosscam.types import ReIDDataset, Sample

ABOUT = About(
    summary="own pictures: one folder a person, names by a pattern, or a CSV table",
    terms="Your own pictures: their terms, and the consent of the people in them, are yours.",
    ask="nobody: they are your own",
    counts=MappingProxyType({}),
)
TRAIN, SEED = 0.5, 0
_DISTRACTOR, _JUNK = 0, -1


def load_folder(
    root: str | os.PathLike[str], *, pattern: str | None = None, table: Path | None = None
) -> ReIDDataset:
    """Read own pictures, as `find_pictures` finds them, split as they are or by `split_by_rule`.

    The rule trains on half of the people, drawn with seed 0; that it was used is noted. Raises
    `DataError` for whatever cannot be read or split.
    """
    own = find_pictures(root, pattern=pattern, table=table)
    if own.is_split:
        return make_dataset(own)
    dataset = make_dataset(split_pictures(own, train=TRAIN, seed=SEED))
    note = (
        f"nothing says how these pictures are split, so a share of {TRAIN:g} of the people, drawn "
        f"with seed {SEED}, is trained on and the others are tested with; to keep or to change "
        "that, write it down with crosscam data split and read it with --table"
    )
    return replace(dataset, notes=(*dataset.notes, note))


def split_pictures(own: OwnPictures, *, train: float, seed: int) -> OwnPictures:
    """The same pictures, each with its split by `split_by_rule`, which says what is raised."""
    splits = split_by_rule(own.samples(), train=train, seed=seed)
    pairs = zip(own.pictures, splits, strict=True)
    pictures = tuple(picture._replace(split=split) for picture, split in pairs)
    if _DISTRACTOR not in own.pids.values():
        return replace(own, pictures=pictures)
    note = (
        "person 0 stands for distractors, who are in the gallery and never searched for; if it is "
        "one of the people, call it by another number"
    )
    return replace(own, pictures=pictures, notes=(*own.notes, note))


def make_dataset(own: OwnPictures) -> ReIDDataset:
    """Own pictures that are split, as a data set; junk and what is ignored is counted."""
    parts: dict[str, list[Sample]] = {"train": [], "query": [], "gallery": [], "ignore": []}
    left_out = Counter(own.left_out)
    for picture, sample in zip(own.pictures, own.samples(), strict=True):
        if sample.pid == _JUNK:
            left_out["junk images (pid -1)"] += 1
        elif picture.split is not None:
            parts[picture.split].append(sample)
    if parts["ignore"]:
        left_out["images that the table ignores"] = len(parts["ignore"])
    return ReIDDataset(
        name="folder",
        train=tuple(parts["train"]),
        query=tuple(parts["query"]),
        gallery=tuple(parts["gallery"]),
        terms=ABOUT.terms,
        left_out=dict(left_out),
        notes=(
            *own.notes,
            *_distractors_who_count(parts),
            *_shared_people(parts["train"], [*parts["query"], *parts["gallery"]]),
        ),
    )


def _distractors_who_count(parts: Mapping[str, Sequence[Sample]]) -> tuple[str, ...]:
    roles = {"train": "trained on", "query": "searched for"}
    done = [
        role
        for split, role in roles.items()
        if any(sample.pid == _DISTRACTOR for sample in parts[split])
    ]
    if not done:
        return ()
    note = (
        f"person 0 is {' and '.join(done)}, as the split says, though 0 stands for distractors in "
        "the public data sets; if it is one of the people, call it by another number"
    )
    return (note,)


def _shared_people(train: list[Sample], test: list[Sample]) -> tuple[str, ...]:
    shared = {sample.pid for sample in train} & {sample.pid for sample in test}
    if not shared:
        return ()
    note = (
        f"people who are both trained on and tested with: {len(shared)}, the first is person "
        f"{min(shared)}; unless only their names are the same, the figures are too good"
    )
    return (note,)
