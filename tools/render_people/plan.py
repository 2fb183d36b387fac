"""What is rendered: who is in which half, how often each camera sees them, in units of work.

A unit is rendered by itself; its draws depend on the settings and its key and on nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tools.render_people.cameras import Camera, draw_camera, draw_site
from tools.render_people.draws import (
    CAMERA,
    EXTRA,
    HALVES,
    PASSER_BY,
    PERSON,
    SITE,
    VISITS,
    generator,
)
from tools.render_people.looks import Look, draw_look

FOLDERS = ("bounding_box_train", "query", "bounding_box_test")
DISTRACTOR, JUNK = "0000", "-1"  # what their files' names begin with
PASSERS_BY = 10
TRAIN_SHARE = 0.5
LOOK_ALIKES = 0.7  # share of people dressed like an earlier one of the same half
IMAGES = (1, 4)  # fewest and most pictures of somebody by one camera
IMAGES_OF_A_STRANGER = 4  # of one distractor, or of junk of one person

Rng = np.random.Generator
UnitKind = Literal["person", "distractor", "junk"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a set is made from; the same settings give the same files."""

    seed: int
    camera_seed: int
    identities: int
    cameras: int
    distractors: int
    junk: int


@dataclass(frozen=True)
class Unit:
    """A piece of work: a person by number, or a group of pictures of a stranger or of junk."""

    kind: UnitKind
    number: int
    images: int


@dataclass(frozen=True)
class Picture:
    """One JPEG; `gap` is how many frames its camera's clock went on before it."""

    folder: str
    label: str
    camera: int  # from 1
    gap: int
    jpeg: bytes


@dataclass(frozen=True)
class Plan:
    """All of a set, but for the pictures."""

    settings: Settings
    looks: dict[int, Look]
    train: frozenset[int]
    units: tuple[Unit, ...]

    @property
    def images(self) -> int:
        """How many pictures the set has."""
        return sum(unit.images for unit in self.units)

    @property
    def asked(self) -> list[int]:
        """The people of query and gallery."""
        return [number for number in self.looks if number not in self.train]


def make_plan(settings: Settings) -> Plan:
    """The plan of a set."""
    numbers = np.arange(1, settings.identities + 1)
    shuffled = generator(settings.seed, HALVES).permutation(numbers)
    train = frozenset(shuffled[: round(settings.identities * TRAIN_SHARE)].tolist())
    people = [
        Unit("person", number, sum(draw_visits(settings, number)[1].values()))
        for number in numbers.tolist()
    ]
    strangers = [
        *_groups("distractor", settings.distractors),
        *_groups("junk", settings.junk),
    ]
    looks = _draw_looks(settings, train)
    return Plan(settings, looks, train, (*people, *strangers))


def draw_cameras(settings: Settings) -> list[Camera]:
    """The cameras, before they are set to the light of their streets."""
    site = draw_site(generator(settings.camera_seed, SITE))
    return [
        draw_camera(generator(settings.camera_seed, CAMERA, index), index, settings.cameras, site)
        for index in range(settings.cameras)
    ]


def draw_passers_by(settings: Settings) -> list[Look]:
    """Those who come into the pictures of others, and are nobody of the set."""
    return [draw_look(generator(settings.seed, PASSER_BY, i)) for i in range(PASSERS_BY)]


def draw_visits(settings: Settings, number: int) -> tuple[Rng, dict[int, int]]:
    """How many pictures of a person each camera (from 0) takes, and the generator to go on with.

    At least two cameras take two or more, so that a query has something to find.
    """
    rng = generator(settings.seed, VISITS, number)
    fewest = max(2, settings.cameras - 2)
    seen = rng.permutation(settings.cameras)[: int(rng.integers(fewest, settings.cameras + 1))]
    taken = {int(camera): int(rng.integers(IMAGES[0], IMAGES[1] + 1)) for camera in seen}
    if sum(count > 1 for count in taken.values()) < 2:
        for camera in list(taken)[:2]:
            taken[camera] = max(2, taken[camera])
    return rng, dict(sorted(taken.items()))


def stranger_rng(settings: Settings, label: str, number: int) -> Rng:
    """The generator of one picture of a distractor or of junk."""
    return generator(settings.seed, EXTRA, len(label), number)


def _groups(kind: UnitKind, total: int) -> list[Unit]:
    return [
        Unit(kind, first, min(IMAGES_OF_A_STRANGER, total - first))
        for first in range(0, total, IMAGES_OF_A_STRANGER)
    ]


def _draw_looks(settings: Settings, train: frozenset[int]) -> dict[int, Look]:
    """Everybody's look; look-alikes stay within one half."""
    looks: dict[int, Look] = {}
    halves: dict[bool, list[int]] = {True: [], False: []}
    for number in range(1, settings.identities + 1):
        rng = generator(settings.seed, PERSON, number)
        twin = _draw_twin(rng, halves[number in train])
        looks[number] = draw_look(rng, None if twin is None else looks[twin])
        halves[number in train].append(number)
    return looks


def _draw_twin(rng: Rng, others: Sequence[int]) -> int | None:
    if others and rng.random() < LOOK_ALIKES:
        return int(rng.choice(others))
    return None
