"""Which triangles of people can be seen in a crop: those that own a sample of a pixel."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import moderngl
import numpy as np
import numpy.typing as npt

from tools.render_people.draws import Array
from tools.render_people.figures import Mesh

_SAMPLES = 4

_PLACE = """#version 330
uniform mat4 view; in vec3 in_p;
void main(){ gl_Position=view*vec4(in_p,1); }
"""
_NUMBER = """#version 330
uniform float first; out float number;
void main(){ number=first+float(gl_PrimitiveID); }
"""
_WHOLE_TARGET = """#version 330
void main(){ gl_Position=vec4(gl_VertexID==1 ? 3 : -1, gl_VertexID==2 ? 3 : -1, 0, 1); }
"""
_ALL_SAMPLES = """#version 330
uniform sampler2DMS numbers; out vec4 o;
void main(){ ivec2 p=ivec2(gl_FragCoord.xy);
  for(int i=0;i<4;i++) o[i]=texelFetch(numbers, p, i).x; }
"""


@dataclass(frozen=True)
class Upload:
    """A mesh with the buffers of OpenGL that hold it."""

    mesh: Mesh
    vertices: Any
    index: Any


def upload(context: Any, mesh: Mesh) -> Upload:
    """Put a mesh into buffers, which the caller releases."""
    vertices = context.buffer(mesh.vertices.tobytes())
    return Upload(mesh, vertices, context.buffer(mesh.faces.astype(np.int32).tobytes()))


class TriangleFinder:
    """Draws people with each triangle's number for its colour, and reads the numbers back.

    The samples lie where those of the picture lie, so that nothing visible is missed.
    """

    def __init__(self, context: Any, size: tuple[int, int]) -> None:
        self._context = context
        self._numbers = context.texture(size, 1, samples=_SAMPLES, dtype="f4")
        self._target = context.framebuffer(
            [self._numbers], context.depth_renderbuffer(size, samples=_SAMPLES)
        )
        self._result = context.framebuffer([context.renderbuffer(size, _SAMPLES, dtype="f4")])
        self._number = context.program(vertex_shader=_PLACE, fragment_shader=_NUMBER)
        self._gather = context.program(vertex_shader=_WHOLE_TARGET, fragment_shader=_ALL_SAMPLES)
        self._whole = context.vertex_array(self._gather, [])

    def visible(self, matrix: Array, people: Sequence[Upload]) -> list[npt.NDArray[np.bool_]]:
        """For each person, which triangles can be seen if nothing but people were there."""
        if not people:
            return []
        self._draw_numbers(matrix, people)
        self._result.use()
        self._numbers.use(0)
        self._gather["numbers"].value = 0
        self._context.disable(moderngl.DEPTH_TEST)
        self._whole.render(vertices=3)
        self._context.enable(moderngl.DEPTH_TEST)
        numbers = np.frombuffer(self._result.read(components=_SAMPLES, dtype="f4"), np.float32)
        ends = np.cumsum([1, *(len(one.mesh.faces) for one in people)])  # 0 is nobody
        seen = np.zeros(ends[-1], np.bool_)
        seen[numbers.astype(np.int32)] = True
        return np.split(seen, ends[:-1])[1:]

    def _draw_numbers(self, matrix: Array, people: Sequence[Upload]) -> None:
        self._target.use()
        self._target.clear(0, 0, 0, 0)
        self._number["view"].value = tuple(matrix.T.reshape(-1).tolist())
        first = 1
        for one in people:
            self._number["first"].value = first
            place = [(one.vertices, "3f 32x", "in_p")]
            array = self._context.vertex_array(self._number, place, one.index)
            array.render()
            array.release()
            first += len(one.mesh.faces)
