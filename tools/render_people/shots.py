"""One picture: where somebody walks in a street, the detector's box, what is in the way."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from tools.render_people.cameras import Camera
from tools.render_people.draws import Array
from tools.render_people.figures import Figure, Mesh
from tools.render_people.gait import draw_pose
from tools.render_people.geometry import look_at, rotation
from tools.render_people.renderer import Renderer, View, Window
from tools.render_people.sensor import develop
from tools.render_people.streets import GREEN, Solid, box, build_street

Rng = np.random.Generator
ShotKind = Literal["good", "junk", "empty"]  # junk: badly cut or hidden; empty: nobody there

_CHEST = 0.9  # metres above the ground, which cameras look at
_NARROWEST, _WIDEST = 0.43, 0.58  # a box's width to its height, before it is stretched to 0.5


@dataclass(frozen=True)
class Track:
    """How somebody crosses the view of a camera once; `heading` in degrees, `phase` in radians."""

    spot: Array
    heading: float
    phase: float
    still: bool


def draw_track(rng: Rng, camera: Camera) -> Track:
    """Where and how somebody crosses the view."""
    heading = camera.heading + rng.normal(0, camera.scatter)
    if rng.random() < camera.both_ways:
        heading += 180
    depth = rng.uniform(camera.near, camera.far)
    side = np.clip(rng.normal(0, camera.spread * depth / 12), -2.6, 2.6)
    phase = rng.uniform(0, 2 * np.pi)
    return Track(np.array([side, depth]), heading, phase, bool(rng.random() < camera.still))


class Studio:
    """The cameras, set to their light, with the people who only pass by."""

    def __init__(
        self, renderer: Renderer, cameras: Sequence[Camera], passers_by: Sequence[Figure]
    ) -> None:
        self._renderer = renderer
        self._passers_by = passers_by
        self._views = [_view(camera) for camera in cameras]
        for camera in cameras:
            renderer.add_street(camera, build_street(camera))
        self.cameras = [
            self._balanced(camera, view) for camera, view in zip(cameras, self._views, strict=True)
        ]

    def _balanced(self, camera: Camera, view: Array) -> Camera:
        """The camera with its automatic exposure and white balance."""
        wide = View(view, (-0.3, 0.3, -0.3, 0.2), np.array([0, 9, _CHEST]))
        mean = self._renderer.draw(camera, wide, [], []).mean((0, 1))
        exposure = camera.exposure * (0.27 / mean.mean())
        balance = camera.balance * (mean.mean() / mean) ** 0.85
        return replace(camera, exposure=exposure, balance=balance)

    def shot(
        self,
        rng: Rng,
        figure: Figure,
        index: int,
        track: Track,
        step: int,
        kind: ShotKind = "good",
    ) -> bytes:
        """The JPEG of camera `index` (from 0), after so many steps on a track."""
        camera, view = self.cameras[index], self._views[index]
        spot = _spot(rng, camera, track, step)
        heading = track.heading + rng.normal(0, 5) + (rng.normal(0, 40) if track.still else 0)
        phase = track.phase + step * 2.1 + rng.normal(0, 0.5)
        target = figure.mesh(phase, draw_pose(rng, figure.look, still=track.still), heading, spot)
        window, aspect = _draw_window(rng, target.vertices[:, :3], view, kind)
        people = [] if kind == "empty" else [target]
        if rng.random() < camera.crowd:
            near = kind == "junk" or rng.random() < 0.25
            people.append(self._passer_by(rng, spot, near=near))
        hidden = rng.random() < (0.7 if kind == "junk" else camera.occlusion)
        solids = [_draw_obstacle(rng, spot)] if hidden else []
        focus = np.array([*spot, _CHEST])
        linear = self._renderer.draw(camera, View(view, window, focus), people, solids)
        height = float(np.clip((window[3] - window[2]) * camera.pixels, 36, 250))
        return develop(rng, linear, camera, height, aspect)

    def _passer_by(self, rng: Rng, spot: Array, *, near: bool) -> Mesh:
        """Somebody else in the picture: beside and in front, or behind."""
        figure = self._passers_by[int(rng.integers(len(self._passers_by)))]
        x = rng.choice([-1, 1]) * rng.uniform(0.42, 0.75)
        y = rng.uniform(-0.9, 0.4) if near else rng.uniform(1.0, 5.0)
        if not near:
            x *= rng.uniform(0.6, 1.8)
        phase = rng.uniform(0, 6)
        pose = draw_pose(rng, figure.look, still=False)
        return figure.mesh(phase, pose, rng.uniform(0, 360), spot + np.array([x, y]))


def _view(camera: Camera) -> Array:
    eye = np.array([0, 0, camera.height])
    return look_at(eye, np.array([0, (camera.near + camera.far) / 2, _CHEST]))


def _spot(rng: Rng, camera: Camera, track: Track, step: int) -> Array:
    """Where on the ground somebody is after so many steps."""
    forwards = rotation(2, track.heading)[:2, :2] @ np.array([0.0, -1.0])
    pace = 0.05 if track.still else 0.45
    spot = track.spot + forwards * step * pace + rng.normal(0, 0.05, 2)
    return np.asarray(np.clip(spot, [-3.2, camera.near - 1], [3.2, camera.far + 1]))


def _draw_window(rng: Rng, points: Any, view: Array, kind: ShotKind) -> tuple[Window, float]:
    """The detector's box around points (n, 3), imperfect as detectors are, and its aspect."""
    seen = points @ view[:3, :3].T + view[:3, 3]
    x, y = seen[:, 0] / -seen[:, 2], seen[:, 1] / -seen[:, 2]
    left, right, bottom, top = x.min(), x.max(), y.min(), y.max()
    wide, high = right - left, top - bottom
    left, right = left - wide * rng.uniform(-0.02, 0.10), right + wide * rng.uniform(-0.02, 0.10)
    bottom, top = bottom - high * rng.uniform(-0.02, 0.07), top + high * rng.uniform(-0.015, 0.07)
    window = _spoilt(rng, (left, right, bottom, top), (wide, high), kind)
    jitter = rng.normal(0, 0.022, 2) * [wide, high]
    left, right = window[0] + jitter[0], window[1] + jitter[0]
    bottom, top = window[2] + jitter[1], window[3] + jitter[1]
    wide, high = right - left, top - bottom
    if wide < _NARROWEST * high:
        more = (_NARROWEST * high - wide) / 2
        left, right = left - more, right + more
    elif wide > _WIDEST * high:
        more = (wide / _WIDEST - high) / 2
        bottom, top = bottom - more, top + more
    return (left, right, bottom, top), (right - left) / (top - bottom)


def _spoilt(rng: Rng, window: Window, size: tuple[float, float], kind: ShotKind) -> Window:
    """The box as a detector gets it wrong: cut now and then, misplaced for junk and nobody."""
    left, right, bottom, top = window
    wide, high = size
    if kind == "junk":
        side = rng.choice([-1, 1])
        left += side * wide * rng.uniform(0.35, 0.7)
        right += side * wide * rng.uniform(0.35, 0.7)
        bottom, top = bottom + high * rng.uniform(-0.5, 0.45), top + high * rng.uniform(-0.3, 0.4)
        top = max(top, bottom + 0.4 * high)
    elif kind == "empty":
        sideways, up = rng.normal(0, 0.6, 2) * high
        left, right = left + sideways, right + sideways
        bottom, top = bottom + up * 0.4, top + up * 0.4
    elif rng.random() < 0.08:
        if rng.random() < 0.7:
            bottom += high * rng.uniform(0.08, 0.25)
        else:
            top -= high * rng.uniform(0.03, 0.10)
    return left, right, bottom, top


def _draw_obstacle(rng: Rng, spot: Array) -> Solid:
    """A post, bin or hedge between the camera and the person."""
    x, y = np.array([spot[0], spot[1]]) * rng.uniform(0.72, 0.9)
    grey = np.clip(rng.uniform(0.15, 0.7) + rng.normal(0, 0.06, 3), 0.05, 0.9)
    match str(rng.choice(["post", "bin", "hedge"])):
        case "post":
            place = [x + rng.normal(0, 0.16), y, 2]
            return box(place, [rng.uniform(0.05, 0.16), 0.1, 4], grey, "metal")
        case "bin":
            place = [x + rng.normal(0, 0.3), y, 0.35]
            size = [0.5, 0.4, rng.uniform(0.7, 1.4)]
            color = rng.uniform(0.1, 0.7, 3)
            return box(place, size, color, "poster" if rng.random() < 0.3 else "metal")
        case _:
            return box([x, y, 0.2], [3.0, 0.3, rng.uniform(0.4, 1.3)], GREEN, "leaves")
