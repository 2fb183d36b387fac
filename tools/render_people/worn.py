"""What people wear or carry beside the clothes painted on them, as simple shapes.

Some of it is fixed to a bone; skirts, long coats and hand bags follow the posed body loosely.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from tools.render_people.bodies import BodyModel
from tools.render_people.draws import Array, Floats
from tools.render_people.geometry import Faces, blob, grid_faces
from tools.render_people.looks import Look


class Kind(IntEnum):
    """What a part of a mesh is; the person's shader knows them by number."""

    BODY = 0
    COAT = 1
    SKIRT = 2
    BAG = 3
    HAT = 4
    HAIR = 5


@dataclass(frozen=True)
class Fixed:
    """A shape (vertices (n, 3) of the body at rest) that moves with one bone."""

    vertices: Array
    faces: Faces
    kind: Kind
    bone: str


@dataclass(frozen=True)
class Hanging:
    """A shape (vertices (n, 3) of the posed body), with canonical coordinates (n, 3)."""

    vertices: Array
    faces: Faces
    kind: Kind
    canonical: Array


def fixed_things(body: BodyModel, look: Look, vertices: Array, heads: Array) -> Iterator[Fixed]:
    """Long hair, hats and bags of a person whose clothed body is `vertices`."""
    head = vertices[body.head_weight > 0.9]
    yield from _hair(look, head)
    yield from _hat(look, head)
    if look.bag == "backpack":
        chest, waist = heads[body.bone["clavicle.L"]][2], heads[body.bone["spine04"]][2]
        x, height = vertices[:, 0], vertices[:, 2]
        back = vertices[(np.abs(x) < 0.1) & (height > waist) & (height < chest)][:, 1].max()
        size = np.array([0.15, 0.075, 0.215]) * look.bag_size
        centre = [0, back + size[1] * 0.75, chest - size[2] * 0.85]
        yield Fixed(*blob(centre, size, 0.45), Kind.BAG, "spine02")
    elif look.bag == "shoulder":
        hip = vertices[(np.abs(vertices[:, 2] - 0.02) < 0.05) & (body.arm < 0)]
        size = np.array([0.05, 0.14, 0.11]) * look.bag_size
        side = (hip[:, 0].max() + size[0] * 0.6) * look.bag_side
        yield Fixed(*blob([side, 0.02, -0.02], size, 0.5), Kind.BAG, "root")


def _hair(look: Look, head: Array) -> Iterator[Fixed]:
    top, back = head[:, 2].max(), head[:, 1].max()
    match look.hair:
        case "long":
            length = look.hair_length
            centre: list[Any] = [0, back - 0.035, top - 0.10 - length / 2]
            shape = blob(centre, [0.085, 0.045, length / 2], 0.7)
            yield Fixed(*shape, Kind.HAIR, "spine01" if length > 0.33 else "neck02")
        case "tail":
            shape = blob([0, back + 0.02, top - 0.22], [0.035, 0.04, 0.13])
            yield Fixed(*shape, Kind.HAIR, "head")
        case "bun":
            shape = blob([0, back + 0.005, top - 0.05], [0.05, 0.05, 0.05])
            yield Fixed(*shape, Kind.HAIR, "head")


def _hat(look: Look, head: Array) -> Iterator[Fixed]:
    top, back, front = head[:, 2].max(), head[:, 1].max(), head[:, 1].min()
    match look.hat:
        case "cap":
            shape = blob([0, front + 0.005, top - 0.075], [0.07, 0.085, 0.010])
            yield Fixed(*shape, Kind.HAT, "head")
        case "brim":
            shape = blob([0, (back + front) / 2, top - 0.065], [0.155, 0.17, 0.012])
            yield Fixed(*shape, Kind.HAT, "head")
        case "hood":
            shape = blob([0, back - 0.01, top - 0.25], [0.10, 0.06, 0.06])
            yield Fixed(*shape, Kind.COAT, "spine01")


def hanging_things(body: BodyModel, look: Look, posed: Floats) -> Iterator[Hanging]:
    """A skirt, a long coat, a hand bag, of a body whose posed vertices are `posed`."""
    if look.skirt != "none":
        yield _tube(body, look, posed)
    if look.bag == "hand":
        side = body.canonical[:, 0] * look.bag_side > 0
        hand = posed[(body.hand_weight > 0.8) & side]
        size = np.array([0.035, 0.13, 0.13]) * look.bag_size
        vertices, faces = blob(hand.mean(0) - [0, 0, size[2] + 0.06], size, 0.4)
        yield Hanging(vertices, faces, Kind.BAG, vertices)


def _tube(body: BodyModel, look: Look, posed: Floats) -> Hanging:
    """A tube around waist and legs: rings that are nowhere inside the body, wider further down."""
    top, bottom, rows, columns = 0.13, look.skirt_end, 9, 28
    levels = np.linspace(top, bottom, rows)
    angles = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    outwards = np.stack([np.cos(angles), np.sin(angles)], 1)
    height, torso = body.canonical[:, 2], body.arm < 0
    reach = np.zeros(columns)
    rings = []
    for level in levels:
        ring = posed[torso & (np.abs(height - level) < 0.035)]
        centre = ring[:, :2].mean(0)
        support = ((ring[:, :2] - centre) @ outwards.T).max(0)
        drop = (top - level) / (top - bottom)
        reach = np.maximum(support + 0.012 + 0.02 * drop, reach * 0.97)
        radius = reach * (1 + look.skirt_flare * drop * (1 + 0.12 * np.cos(angles * 7)))
        tall = np.full((columns, 1), ring[:, 2].mean())
        rings.append(np.concatenate([centre + outwards * radius[:, None], tall], 1))
    x, y = (np.tile(outwards[:, axis], rows) * 0.16 for axis in (0, 1))
    canonical = np.stack([x, y, np.repeat(levels, columns)], 1)
    kind = Kind.COAT if look.skirt == "coat" else Kind.SKIRT
    return Hanging(np.concatenate(rings), grid_faces(rows, columns), kind, canonical)
