"""Rotations, meshes of simple shapes, normals, and the two matrices of a view."""

from typing import Any

import numpy as np
import numpy.typing as npt

from tools.render_people.draws import Array, Floats

Faces = npt.NDArray[np.int64]


def rotation(axis: int, degrees: float) -> Array:
    """The (3, 3) rotation about a coordinate axis (0, 1, 2)."""
    angle = np.radians(degrees)
    cosine, sine = np.cos(angle), np.sin(angle)
    i, j = ((1, 2), (2, 0), (0, 1))[axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = cosine
    matrix[i, j], matrix[j, i] = -sine, sine
    return matrix


def align(start: Array, end: Array) -> Array:
    """The smallest rotation that takes one direction to another, as (3, 3)."""
    start, end = start / np.linalg.norm(start), end / np.linalg.norm(end)
    cosine = float(start @ end)
    x, y, z = np.cross(start, end)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + cosine))


def normals_of(vertices: Floats, faces: Faces) -> Array:
    """Unit normals (n, 3) of vertices (n, 3): the sum of those of their triangles, by area."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    normals = np.cross(b - a, c - a)
    columns = [
        sum(np.bincount(faces[:, i], normals[:, axis], len(vertices)) for i in range(3))
        for axis in range(3)
    ]
    summed = np.stack(columns, 1)
    return np.asarray(summed / np.maximum(np.linalg.norm(summed, axis=1, keepdims=True), 1e-9))


def grid_faces(rows: int, columns: int) -> Faces:
    """Triangles (m, 3) of a tube of rows x columns vertices, closed around its columns."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    a, b = i * columns + j, i * columns + (j + 1) % columns
    c, d = a + columns, b + columns
    upper = np.stack([a, b, d], -1).reshape(-1, 3)
    return np.concatenate([upper, np.stack([a, d, c], -1).reshape(-1, 3)])


def blob(
    centre: Any, radii: Any, squareness: float = 1.0, rows: int = 9, columns: int = 14
) -> tuple[Array, Faces]:
    """An ellipsoid (squareness 1) or a rounded box (less): vertices (n, 3) and faces."""
    height = np.linspace(-np.pi / 2, np.pi / 2, rows)[:, None]
    around = np.linspace(0, 2 * np.pi, columns, endpoint=False)[None]

    def power(x: Array) -> Array:
        return np.asarray(np.sign(x) * np.abs(x) ** squareness)

    out, up = power(np.cos(height)), power(np.sin(height))
    shape = [out * power(np.cos(around)), out * power(np.sin(around)), up * np.ones_like(around)]
    return np.stack(shape, -1).reshape(-1, 3) * radii + centre, grid_faces(rows, columns)


def frustum(window: tuple[float, float, float, float], near: float = 0.1, far: float = 80.0) -> Any:
    """The (4, 4) projection of a window (left, right, bottom, top) at distance 1."""
    left, right, bottom, top = window
    wide, high, deep = right - left, top - bottom, far - near
    return np.array(
        [
            [2 / wide, 0, (right + left) / wide, 0],
            [0, 2 / high, (top + bottom) / high, 0],
            [0, 0, -(far + near) / deep, -2 * far * near / deep],
            [0, 0, -1, 0],
        ]
    )


def look_at(eye: Array, target: Array) -> Array:
    """The (4, 4) view from `eye` to `target`, with z up."""
    forwards = (target - eye) / np.linalg.norm(target - eye)
    side = np.cross(forwards, [0, 0, 1.0])
    side /= np.linalg.norm(side)
    view = np.eye(4)
    view[:3, :3] = np.stack([side, np.cross(side, forwards), -forwards])
    view[:3, 3] = -view[:3, :3] @ eye
    return view
