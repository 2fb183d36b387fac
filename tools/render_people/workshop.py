"""Rendering units of a plan: what each worker process has."""

from collections.abc import Iterator

import numpy as np

from tools.render_people.bodies import BodyModel
from tools.render_people.figures import Figure
from tools.render_people.looks import Look, draw_look
from tools.render_people.plan import (
    DISTRACTOR,
    FOLDERS,
    JUNK,
    Picture,
    Plan,
    Unit,
    draw_cameras,
    draw_passers_by,
    draw_visits,
    stranger_rng,
)
from tools.render_people.renderer import Renderer
from tools.render_people.shots import ShotKind, Studio, draw_track

Rng = np.random.Generator

_TRAIN, _QUERY, _GALLERY = FOLDERS
_DISTRACTOR_KINDS: tuple[ShotKind, ...] = ("good", "good", "good", "good", "empty")
_JUNK_KINDS: tuple[ShotKind, ...] = ("junk",)


class Workshop:
    """The body model, the cameras and the renderer, made once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._body = BodyModel()
        passers_by = [self._figure(look) for look in draw_passers_by(plan.settings)]
        self._studio = Studio(Renderer(), draw_cameras(plan.settings), passers_by)

    def render(self, unit: Unit) -> list[Picture]:
        """The pictures of a unit, in the order of their names."""
        return list(self._person(unit) if unit.kind == "person" else self._stranger(unit))

    def _person(self, unit: Unit) -> Iterator[Picture]:
        plan, number = self._plan, unit.number
        figure = self._figure(plan.looks[number])
        rng, visits = draw_visits(plan.settings, number)
        for index, count in visits.items():
            camera = self._studio.cameras[index]
            track = draw_track(rng, camera)
            steps = np.cumsum(rng.integers(1, 4, count)) - count
            for order, step in enumerate(steps):
                if order and rng.random() < 0.3:  # came by again at another time
                    track = draw_track(rng, camera)
                jpeg = self._studio.shot(rng, figure, index, track, step)
                if number in plan.train:
                    folder = _TRAIN
                else:
                    folder = _QUERY if order == 0 and count > 1 else _GALLERY
                yield Picture(folder, f"{number:04d}", index + 1, _gap(rng), jpeg)

    def _stranger(self, unit: Unit) -> Iterator[Picture]:
        """Distractors are nobody of the set; junk is of the people who are asked for."""
        plan, junk = self._plan, unit.kind == "junk"
        label, kinds = (JUNK, _JUNK_KINDS) if junk else (DISTRACTOR, _DISTRACTOR_KINDS)
        figure: Figure | None = None
        for number in range(unit.number, unit.number + unit.images):
            rng = stranger_rng(plan.settings, label, number)
            if figure is None:
                look = plan.looks[int(rng.choice(plan.asked))] if junk else draw_look(rng)
                figure = self._figure(look)
            index = int(rng.integers(plan.settings.cameras))
            track = draw_track(rng, self._studio.cameras[index])
            kind = kinds[int(rng.integers(len(kinds)))]
            jpeg = self._studio.shot(rng, figure, index, track, 0, kind)
            yield Picture(_GALLERY, label, index + 1, _gap(rng), jpeg)

    def _figure(self, look: Look) -> Figure:
        return Figure(self._body, look)


def _gap(rng: Rng) -> int:
    return int(rng.integers(5, 60))
