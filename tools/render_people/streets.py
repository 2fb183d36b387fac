"""The street of one camera: ground, fronts and furniture, made of boxes and blobs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tools.render_people.cameras import Camera
from tools.render_people.draws import Array, Floats
from tools.render_people.geometry import blob, normals_of
from tools.render_people.street_shader import MATERIALS

Rng = np.random.Generator

GREEN = (0.22, 0.34, 0.14)
WOOD = (0.42, 0.3, 0.2)
_QUADS = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
_CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])


@dataclass(frozen=True)
class Solid:
    """One thing: float32 triangles (n, 11: position, normal, colour, scale, material)."""

    vertices: Floats
    material: str

    def corners(self) -> Array:
        """The corners (8, 4) of the upright box around it, in homogeneous coordinates."""
        low, high = self.vertices[:, :3].min(0), self.vertices[:, :3].max(0)
        places = np.where(_CORNERS > 0, high, low).astype(np.float64)
        return np.concatenate([places, np.ones((8, 1))], 1)


def box(centre: Any, size: Any, color: Any, material: str, scale: float = 0.5) -> Solid:
    """An upright box; `scale` is the size or the seed of its material's pattern."""
    corners = _CORNERS * 0.5 * size + centre
    normals = np.concatenate([[-axis, axis] for axis in np.eye(3)])
    rows = [
        [*corners[quad[i]], *normal, *color, scale, MATERIALS.index(material)]
        for quad, normal in zip(_QUADS, normals, strict=True)
        for i in (0, 1, 2, 0, 2, 3)
    ]
    return Solid(np.array(rows).astype(np.float32), material)


def round_thing(centre: Any, radii: Any, color: Any, material: str) -> Solid:
    """An ellipsoid."""
    vertices, faces = blob(np.array(centre), np.array(radii), 1.0, 9, 16)
    rest = np.tile([*color, 0.5, MATERIALS.index(material)], (len(vertices), 1))
    data = np.concatenate([vertices, normals_of(vertices, faces), rest], 1)
    return Solid(data[faces.reshape(-1)].astype(np.float32), material)


def build_street(camera: Camera) -> list[Solid]:
    """All of a camera's street; where people walk stays clear."""
    rng = np.random.default_rng(camera.street_seed)
    return list(_street(rng, camera))


def _street(rng: Rng, camera: Camera) -> Iterator[Solid]:
    ground = ([0, 20, -0.5], [80, 80, 1.0], camera.ground_color)
    yield box(*ground, camera.ground, camera.slab)
    yield from _strips(rng, camera)
    back = camera.far + rng.uniform(2, 7)
    yield from _fronts(rng, camera, back)
    for _ in range(int(rng.integers(5, 12))):
        y = rng.uniform(camera.near + 1, back - 0.5)
        side = rng.choice([-1, 1])
        x = side * (rng.uniform(1.5, 7) if y > camera.far + 1 else rng.uniform(5.0, 10))
        what = rng.choice(["tree", "pole", "car", "bin", "bench", "fence", "kiosk"])
        yield from _FURNITURE[str(what)](rng, x, y)


def _strips(rng: Rng, camera: Camera) -> Iterator[Solid]:
    """Paths, lawns, painted lines across the ground."""
    for _ in range(int(rng.integers(0, 3))):
        y, wide = rng.uniform(camera.near, camera.far + 8), rng.uniform(0.15, 2.5)
        lawn = rng.random() < 0.25
        color = [0.34, 0.44, 0.2] if lawn else _grey(rng, 0.42, 0.66)
        yield box([0, y, -0.495], [80, wide, 1.0], color, "grass" if lawn else "concrete")


def _fronts(rng: Rng, camera: Camera, back: float) -> Iterator[Solid]:
    """Fronts of houses and hedges, some with a door, a shop's sign or a poster."""
    x = -22.0
    while x < 22:
        wide, high = rng.uniform(3, 9), rng.uniform(2.5, 7)
        material, color = camera.fronts[int(rng.integers(len(camera.fronts)))]
        painted = GREEN if material == "leaves" else color * rng.uniform(0.9, 1.1)
        y = back + rng.uniform(0, 3)
        place = [x + wide / 2, y + 2, high / 2]
        yield box(place, [wide, 4, high], painted, material, float(rng.uniform(0.9, 2)))
        if rng.random() < 0.5:
            place = [x + wide * rng.uniform(0.3, 0.7), y - 0.05, 1.3]
            size = [rng.uniform(0.8, 2), 0.1, 1.6]
            tint, sign = _tint(rng), str(rng.choice(["poster", "metal"]))
            yield box(place, size, tint, sign, float(rng.uniform(0, 9)))
        x += wide


def _grey(rng: Rng, low: float, high: float) -> Array:
    return np.clip(rng.uniform(low, high) + rng.normal(0, 0.02, 3), 0.05, 0.95)


def _tint(rng: Rng) -> Array:
    return np.asarray(0.5 * rng.uniform(0.15, 0.8, 3) + 0.5 * rng.uniform(0.2, 0.7))


def _tree(rng: Rng, x: float, y: float) -> Iterator[Solid]:
    yield box([x, y, 1.2], [0.25, 0.25, 2.4], [0.3, 0.22, 0.15], "concrete")
    yield round_thing([x, y, 3.2], rng.uniform(0.9, 1.6, 3), [0.22, 0.36, 0.14], "leaves")


def _pole(rng: Rng, x: float, y: float) -> Iterator[Solid]:
    yield box([x, y, 2], [0.12, 0.12, 4], _grey(rng, 0.2, 0.6), "metal")


def _car(rng: Rng, x: float, y: float) -> Iterator[Solid]:
    yield box([x, y, 0.55], [3.9, 1.6, 0.6], _tint(rng), "metal")
    yield box([x, y, 1.1], [2.1, 1.45, 0.55], [0.12, 0.14, 0.17], "metal")
    for along in (-1.2, 1.2):
        yield box([x + along, y, 0.3], [0.6, 1.64, 0.6], [0.06, 0.06, 0.06], "metal")


def _bin(rng: Rng, x: float, y: float) -> Iterator[Solid]:
    yield box([x, y, 0.5], [0.55, 0.55, 1.0], _tint(rng), "metal")


def _bench(_: Rng, x: float, y: float) -> Iterator[Solid]:
    yield box([x, y, 0.45], [1.6, 0.45, 0.08], WOOD, "concrete")
    yield box([x, y + 0.22, 0.75], [1.6, 0.06, 0.4], WOOD, "concrete")


def _fence(_: Rng, x: float, y: float) -> Iterator[Solid]:
    for post in range(14):
        yield box([x + post * 0.18, y, 0.55], [0.05, 0.05, 1.1], [0.2, 0.25, 0.25], "metal")


def _kiosk(rng: Rng, x: float, y: float) -> Iterator[Solid]:
    yield box([x, y, 1.2], [1.6, 1.2, 2.4], _tint(rng), "poster", float(rng.uniform(0, 9)))


_FURNITURE: dict[str, Callable[[Rng, float, float], Iterator[Solid]]] = {
    "tree": _tree,
    "pole": _pole,
    "car": _car,
    "bin": _bin,
    "bench": _bench,
    "fence": _fence,
    "kiosk": _kiosk,
}
