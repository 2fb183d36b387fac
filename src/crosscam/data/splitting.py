"""The rule that splits own pictures into train, query and gallery where nothing says how."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence

from crosscam.data.labels import Split
from crosscam.errors import DataError
from crosscam.types import Sample

_DISTRACTOR, _JUNK = 0, -1


def split_by_rule(samples: Sequence[Sample], *, train: float, seed: int) -> list[Split]:
    """The split of every sample, in their order, which decides nothing.

    * Junk (pid -1) is ignored; distractors (pid 0) go to the gallery.
    * People are put in the order of the SHA-256 of "seed/pid", and the first `train` of them, in
      [0, 1], rounded half up, are trained on, with all their images. This is done twice: among
      those who can be searched for (two images or more, by two cameras or more where cameras are
      known), and among the others.
    * Of each of the other people the first image of every camera, by path, in the order of camera
      numbers, is a query (one image alone where cameras are not known), unless it or an earlier
      query would be left without an image in the gallery that counts as its match. All else is the
      gallery, so that people who cannot be searched for are distractors there.

    Raises `DataError` if there are fewer than two people to train on or to test with, where any
    are asked for, or if none of the latter can be searched for.
    """
    if not 0 <= train <= 1:
        raise DataError(f"the share of people to train on is from 0 to 1, not {train}")
    by_person: dict[int, list[int]] = defaultdict(list)
    for index in sorted(range(len(samples)), key=lambda index: samples[index].path.as_posix()):
        by_person[samples[index].pid].append(index)
    people = [pid for pid in by_person if pid not in (_DISTRACTOR, _JUNK)]
    searched = [pid for pid in people if _queries([samples[i].camid for i in by_person[pid]])]
    lone = [pid for pid in people if pid not in set(searched)]
    trained = {*_draw(searched, train, seed), *_draw(lone, train, seed)}
    asked = len([pid for pid in searched if pid not in trained])
    _refuse_too_few(len(people), trained=len(trained), asked=asked, train=train)

    splits: list[Split] = ["gallery"] * len(samples)
    for pid, indices in by_person.items():
        queries = _queries([samples[index].camid for index in indices])
        for place, index in enumerate(indices):
            if pid == _JUNK:
                splits[index] = "ignore"
            elif pid in trained:
                splits[index] = "train"
            elif pid != _DISTRACTOR and place in queries:
                splits[index] = "query"
    return splits


def _draw(people: Sequence[int], share: float, seed: int) -> list[int]:
    ordered = sorted(people, key=lambda pid: hashlib.sha256(f"{seed}/{pid}".encode()).digest())
    return ordered[: int(share * len(people) + 0.5)]


def _queries(camids: Sequence[int | None]) -> set[int]:
    """Which of a person's images are queries, given the camera of each, in the order of paths."""
    places: dict[int | None, list[int]] = defaultdict(list)
    for place, camid in enumerate(camids):
        places[camid].append(place)
    if None in places:
        return {0} if len(camids) > 1 else set()
    left = {camid: len(images) for camid, images in places.items()}
    in_gallery = set(left)
    asked: set[int | None] = set()
    for camid in sorted(left, key=lambda camid: camid or 0):
        if left[camid] == 1:
            in_gallery.discard(camid)
        if len(in_gallery) > 1 or (in_gallery and in_gallery.isdisjoint({*asked, camid})):
            asked.add(camid)
        else:
            in_gallery.add(camid)
    return {places[camid][0] for camid in asked}


def _refuse_too_few(people: int, *, trained: int, asked: int, train: float) -> None:
    tested = people - trained
    if (train > 0 and trained < 2) or (train < 1 and tested < 2):
        raise DataError(
            f"training on a share of {train:g} of {people} people leaves {trained} to train on and "
            f"{tested} to test with; each needs 2, so add people, or train on none or on all "
            "(crosscam data split --train 0 or --train 1)"
        )
    if train < 1 and not asked:
        raise DataError(
            f"none of the {tested} people to test with has two images that can be compared (by two "
            "cameras, where cameras are known), so nobody can be searched for; add pictures, leave "
            "the cameras out, or train on all (crosscam data split --train 1)"
        )
