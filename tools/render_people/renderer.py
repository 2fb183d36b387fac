"""Drawing one crop with OpenGL, on a headless EGL context.

Exactly the same picture comes out as by drawing everything once in order; what is done for speed:

* A first, cheap pass writes which triangle each sample of a person shows; only those are painted.
  A person has 28,000 triangles of a fifth of a pixel each, and Mesa's software OpenGL paints, with
  several samples a pixel, also those that are hidden.
* Shaders are compiled for the kind of part or the material: no branch is worked out in vain.
* Things outside the crop are left out; things that no shadow can reach are drawn without shadows.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import moderngl
import numpy as np

from tools.render_people.cameras import Camera
from tools.render_people.draws import Array, Floats
from tools.render_people.figures import Mesh
from tools.render_people.geometry import frustum, look_at
from tools.render_people.person_shader import PERSON
from tools.render_people.programs import Program, Programs
from tools.render_people.racks import Pattern
from tools.render_people.street_shader import MATERIALS, STREET
from tools.render_people.streets import Solid
from tools.render_people.visibility import TriangleFinder, Upload, upload
from tools.render_people.worn import Kind

Window = tuple[float, float, float, float]
Uniforms = Mapping[str, Any]

CROP = (128, 256)  # width and height of a render
_SHADOW_PIXELS = 512
_SHADOW_METRES = 4.4  # the side of the square in which shadows fall
_SLACK = 1e-3  # what may be wrong with a product of matrices before something is left out


@dataclass(frozen=True)
class View:
    """What is drawn of a street: `window` is (left, right, bottom, top) on the plane at distance 1.

    `matrix` (4, 4) takes the street's coordinates to the camera's; shadows fall around `focus`.
    """

    matrix: Array
    window: Window
    focus: Array


@dataclass(frozen=True)
class _Buffered:
    """Solids in one buffer of OpenGL."""

    buffer: Any
    starts: Sequence[int]
    counts: Sequence[int]
    materials: Sequence[str]
    corners: Array  # (solids, 8, 4)


def open_context() -> Any:
    """A headless OpenGL context. Raises whatever moderngl does where there is none."""
    return moderngl.create_context(standalone=True, backend="egl")


class Renderer:
    """Draws crops of streets with people; keeps the streets it has drawn."""

    def __init__(self) -> None:
        self._context = context = open_context()
        context.enable(moderngl.DEPTH_TEST)
        self._programs = Programs(context)
        self._streets: dict[int, _Buffered] = {}
        self._finder = TriangleFinder(context, CROP)
        self._depth = self._programs.get("void main(){}", {})
        self._shadow = context.depth_texture((_SHADOW_PIXELS, _SHADOW_PIXELS))
        self._shadow.compare_func = "<="
        self._shadow_target = context.framebuffer(depth_attachment=self._shadow)
        self._samples = context.framebuffer(
            [context.renderbuffer(CROP, 3, samples=4, dtype="f2")],
            context.depth_renderbuffer(CROP, samples=4),
        )
        self._pixels = context.framebuffer([context.renderbuffer(CROP, 3, dtype="f2")])

    def add_street(self, camera: Camera, street: Sequence[Solid]) -> None:
        """Keep the street of a camera."""
        self._streets[camera.number] = self._buffered(street)

    def draw(
        self, camera: Camera, view: View, people: Sequence[Mesh], solids: Sequence[Solid]
    ) -> Floats:
        """Linear RGB (256, 128, 3), float32, of people and solids in the street of a camera."""
        matrix = frustum(view.window) @ view.matrix
        light = _light(camera.sun, view.focus)
        common = {
            "view": matrix,
            "shadow_matrix": light,
            "shadow": 0,
            "sun": camera.sun,
            "sun_color": camera.sun_color * camera.sun_strength,
            "sky": camera.sky,
            "eye": -view.matrix[:3, :3].T @ view.matrix[:3, 3],
            "haze": camera.haze,
        }
        with self._uploaded(people) as uploads, self._passing(solids) as passing:
            self._draw_shadows(uploads, light)
            visible = self._finder.visible(matrix, uploads)
            self._samples.use()
            self._samples.clear(*(camera.sky * 1.5), 1.0)
            self._shadow.use(0)
            for solid in [self._streets[camera.number], *passing]:
                self._draw_solids(solid, common)
            for person, seen in zip(uploads, visible, strict=True):
                self._draw_person(person, seen, common)
        self._context.copy_framebuffer(self._pixels, self._samples)
        half = np.frombuffer(self._pixels.read(components=3, dtype="f2"), np.float16)
        return half.reshape(CROP[1], CROP[0], 3)[::-1].astype(np.float32)

    def _draw_shadows(self, uploads: Sequence[Upload], light: Array) -> None:
        self._shadow_target.use()
        self._shadow_target.clear(depth=1.0)
        self._depth.set({"view": light})
        for person in uploads:
            count = person.mesh.faces.size
            self._render(self._depth, person.vertices, 0, count, person.index)

    def _draw_person(self, person: Upload, seen: Any, common: Uniforms) -> None:
        """Paint the triangles of `seen` (m,), bool."""
        if not seen.any():
            return
        mesh = person.mesh
        before = np.concatenate([[0], np.cumsum(seen)]).tolist()
        index = self._context.buffer(mesh.faces[seen].astype(np.int32).tobytes())
        for kind, first, end in mesh.parts:
            start, count = before[first], before[end] - before[first]
            if count:
                program = self._programs.get(PERSON, _person_variant(kind, mesh.paint))
                program.set({**common, **mesh.paint})
                self._render(program, person.vertices, start * 3, count * 3, index)
        index.release()

    def _draw_solids(self, solids: _Buffered, common: Uniforms) -> None:
        seen = _reaches(solids.corners @ common["view"].T)
        shaded = _reaches(solids.corners @ common["shadow_matrix"].T)
        for number in np.flatnonzero(seen).tolist():
            variant = {
                "MATERIAL": str(MATERIALS.index(solids.materials[number])),
                "SHADOWED": "true" if shaded[number] else "false",
            }
            program = self._programs.get(STREET, variant)
            program.set(common)
            self._render(program, solids.buffer, solids.starts[number], solids.counts[number])

    def _render(
        self, program: Program, buffer: Any, first: int, count: int, index: Any = None
    ) -> None:
        content = [(buffer, program.layout, *program.attributes)]
        array = self._context.vertex_array(program.program, content, index)
        array.render(vertices=count, first=first)
        array.release()

    def _buffered(self, solids: Sequence[Solid]) -> _Buffered:
        data = np.concatenate([solid.vertices for solid in solids])
        counts = [len(solid.vertices) for solid in solids]
        starts = np.cumsum([0, *counts[:-1]]).tolist()
        materials = [solid.material for solid in solids]
        corners = np.stack([solid.corners() for solid in solids])
        return _Buffered(self._context.buffer(data.tobytes()), starts, counts, materials, corners)

    @contextmanager
    def _passing(self, solids: Sequence[Solid]) -> Iterator[list[_Buffered]]:
        """Buffers of solids that are drawn once."""
        made = [self._buffered([solid]) for solid in solids]
        yield made
        for solid in made:
            solid.buffer.release()

    @contextmanager
    def _uploaded(self, people: Sequence[Mesh]) -> Iterator[list[Upload]]:
        made = [upload(self._context, mesh) for mesh in people]
        yield made
        for one in made:
            one.vertices.release()
            one.index.release()


def _light(sun: Array, focus: Array) -> Array:
    """The (4, 4) matrix from the street to the map of shadows, which ends 24 metres deep."""
    square = np.diag([2 / _SHADOW_METRES, 2 / _SHADOW_METRES, -1 / 12, 1.0])
    square[2, 3] = -1.0
    return np.asarray(square @ look_at(focus + sun * 12, focus))


def _reaches(corners: Array) -> Any:
    """Which solids may be within a view: bool (n,), of corners (n, 8, 4) in clip coordinates."""
    limit = corners[..., 3:] + _SLACK
    places = corners[..., :3]
    outside = np.concatenate([places > limit, -places > limit], -1)
    return ~np.any(np.all(outside, 1), 1)


def _person_variant(kind: Kind, paint: Uniforms) -> dict[str, str]:
    worn = {paint["pattern"], paint["bottom_pattern"]}
    camouflage = kind in {Kind.BODY, Kind.COAT, Kind.SKIRT} and Pattern.CAMOUFLAGE in worn
    return {
        "KIND": str(int(kind)),
        "CAMOUFLAGE": "true" if camouflage else "false",
        "SHADOWED": "true",
    }
