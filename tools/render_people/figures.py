"""A dressed person: geometry at rest, and the mesh of one moment."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tools.render_people.bodies import BodyModel
from tools.render_people.draws import Array, Floats
from tools.render_people.gait import Pose, joints
from tools.render_people.geometry import Faces, normals_of, rotation
from tools.render_people.looks import Look, paint
from tools.render_people.worn import Fixed, Kind, fixed_things, hanging_things

STANDARD_HEIGHT = 1.63  # of the canonical body, in metres


@dataclass(frozen=True)
class Mesh:
    """A person to draw.

    `vertices` is float32 (n, 11): position, normal, canonical position, arm parameter, kind.
    `faces` is (m, 3), those of one kind together; `parts` says which, as (kind, first, end);
    `paint` holds the uniforms of the shader.
    """

    vertices: Floats
    faces: Faces
    parts: tuple[tuple[Kind, int, int], ...]
    paint: dict[str, Any]


@dataclass(frozen=True)
class _Part:
    vertices: Array
    normals: Array
    canonical: Array
    arm: Floats
    kind: Kind
    weights: Floats
    faces: Faces


class Figure:
    """One dressed person, who can be put into a street again and again."""

    def __init__(self, body: BodyModel, look: Look) -> None:
        self.look = look
        self._body = body
        bare, self._heads = body.rest(look.phenotype)
        normals = normals_of(bare, body.faces)
        clothed = bare + normals * _thickness(body, look)[:, None]
        self.height = float(np.ptp(clothed[:, 2]))
        scale = np.ptp(clothed[:, 2]) / STANDARD_HEIGHT
        skin = (clothed, normals, body.canonical, body.arm, Kind.BODY, body.weights, body.faces)
        things = fixed_things(body, look, clothed, self._heads)
        parts = [_Part(*skin), *(_fixed_part(body, thing, scale) for thing in things)]
        self._vertices = _joined([part.vertices for part in parts])
        self._normals = _joined([part.normals for part in parts])
        self._weights = _joined([part.weights for part in parts])
        starts = np.cumsum([0] + [len(part.vertices) for part in parts[:-1]])
        self._faces = np.concatenate([p.faces + s for p, s in zip(parts, starts, strict=True)])
        self._parts = [(part.kind, len(part.faces)) for part in parts]
        kinds = [np.full(len(part.vertices), part.kind) for part in parts]
        self._rest = np.zeros((len(self._vertices), 11), np.float32)
        self._rest[:, 6:9] = _joined([part.canonical for part in parts])
        self._rest[:, 9] = _joined([part.arm for part in parts])
        self._rest[:, 10] = _joined(kinds)

    def mesh(self, phase: float, pose: Pose, heading: float, spot: Any) -> Mesh:
        """The person at `spot` (x, y), walking towards `heading` degrees (0: to the camera)."""
        vertices, faces, parts = self._posed(phase, pose)
        turn = rotation(2, heading).astype(np.float32)
        vertices[:, :3] = vertices[:, :3] @ turn.T + np.array([spot[0], spot[1], 0], np.float32)
        vertices[:, 3:6] = vertices[:, 3:6] @ turn.T
        return Mesh(vertices, faces, _ranges(parts), paint(self.look))

    def _posed(self, phase: float, pose: Pose) -> tuple[Floats, Faces, list[tuple[Kind, int]]]:
        """The mesh of a pose, standing on z = 0 and facing -y."""
        turns, places = joints(self._body, self._heads, phase, pose)
        shifts = places - np.einsum("jab,jb->ja", turns, self._heads)
        moves = np.concatenate([turns.reshape(-1, 9), shifts], 1).astype(np.float32)
        blended = self._weights @ moves
        turned = blended[:, :9].reshape(-1, 3, 3)
        body = self._rest.copy()
        body[:, :3] = np.einsum("vab,vb->va", turned, self._vertices) + blended[:, 9:]
        body[:, 3:6] = np.einsum("vab,vb->va", turned, self._normals)
        ground = body[:, 2].min()
        pieces, faces, parts = [body], [self._faces], list(self._parts)
        start = len(body)
        for thing in hanging_things(self._body, self.look, body[: len(self._body.canonical), :3]):
            normals = normals_of(thing.vertices, thing.faces)
            more = np.full((len(normals), 11), -1.0)
            more[:, :3], more[:, 3:6], more[:, 6:9] = thing.vertices, normals, thing.canonical
            more[:, 10] = thing.kind
            more[:, 2] -= ground
            pieces.append(more.astype(np.float32))
            faces.append(thing.faces + start)
            parts.append((thing.kind, len(thing.faces)))
            start += len(more)
        body[:, 2] -= ground
        return np.concatenate(pieces), np.concatenate(faces), parts


def _joined(pieces: list[Any]) -> Floats:
    return np.concatenate(pieces).astype(np.float32)


def _ranges(parts: list[tuple[Kind, int]]) -> tuple[tuple[Kind, int, int], ...]:
    ends = np.cumsum([count for _, count in parts]).tolist()
    return tuple((kind, end - count, end) for (kind, count), end in zip(parts, ends, strict=True))


def _fixed_part(body: BodyModel, thing: Fixed, scale: float) -> _Part:
    weights = np.zeros((len(thing.vertices), len(body.bones)))
    weights[:, body.bone[thing.bone]] = 1
    normals = normals_of(thing.vertices, thing.faces)
    off_the_arm = np.full(len(thing.vertices), -1.0)
    canonical = thing.vertices / scale
    return _Part(thing.vertices, normals, canonical, off_the_arm, thing.kind, weights, thing.faces)


def _thickness(body: BodyModel, look: Look) -> Array:
    """How far clothes and hair stand off the skin, in metres, for each vertex."""
    _, y, z = body.canonical.T
    arm = body.arm
    head = body.head_weight > 0.5
    torso = (arm < 0) & ~head
    out = np.zeros(len(z))
    out[torso & (z > look.hem)] = look.top_thick
    out[(arm >= 0) & (arm < look.sleeve)] = look.top_thick * 0.9
    leg = torso & (z <= look.hem) & (z > look.leg_end)
    flare = look.flare * np.clip((-0.35 - z[leg]) / 0.45, 0, 1)
    out[leg] = look.bottom_thick * (1 + flare)
    out[torso & (z < look.shoe_top)] = 0.013
    hair = head & (z > 0.672 - 0.5 * (y + 0.02) - look.hair_low * (y > -0.06))
    hair &= body.head_weight > 0.9
    out[hair] = look.hair_thick * np.clip((z[hair] - 0.60) / 0.05, 0.2, 1)
    return out
