"""Ranked galleries: a query, and what was found for it, right and wrong marked."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from crosscam.data.images import read_image
from crosscam.ranking.distances import in_units
from crosscam.report.plots import GREEN, RED
from crosscam.types import AnyScores, FirstRanked, Int64s, Metric, ReIDDataset, Sample, Scores

FIRST = 10
_THUMBNAIL = (64, 128)
_GAP, _FRAME = 6, 4


@dataclass(frozen=True)
class Shown:
    """One picture of a gallery: what to say about it, itself, small, and as a JPEG data URI."""

    pid: int
    camid: int | None
    correct: bool
    distance: float
    thumbnail: Image.Image
    uri: str


@dataclass(frozen=True)
class RankedGallery:
    """A query and its nearest gallery images.

    `first_match` is the rank of the first true one, None where that is a matter of chance.
    """

    query: Shown
    found: tuple[Shown, ...]
    average_precision: float
    first_match: int | None


def choose_queries(scores: AnyScores, pids: Int64s, *, each: int) -> dict[str, list[int]]:
    """The best, the middling and the worst queries by average precision, of different people."""
    order = np.argsort(-scores.average_precisions, kind="stable")
    order = order[np.isfinite(scores.average_precisions[order])]
    middle = len(order) // 2
    outward = sorted(range(len(order)), key=lambda place: abs(place - middle))
    taken: set[int] = set()
    return {
        "best": _different_people(order, pids, each, taken),
        "worst": _different_people(order[::-1], pids, each, taken),
        "middling": _different_people(order[outward], pids, each, taken),
    }


def _different_people(order: Int64s, pids: Int64s, each: int, taken: set[int]) -> list[int]:
    chosen: list[int] = []
    for query in order:
        if len(chosen) < each and int(pids[query]) not in taken:
            taken.add(int(pids[query]))
            chosen.append(int(query))
    return chosen


def ranked_gallery(
    query: int,
    dataset: ReIDDataset,
    first: FirstRanked,
    scores: AnyScores,
    metric: Metric,
) -> RankedGallery:
    """The ranked gallery of one query, pictures included; `first` is the ranking's beginning."""
    there = np.flatnonzero(first.images[query, :FIRST] >= 0)
    found = [dataset.gallery[index] for index in first.images[query, there]]
    distances = in_units(first.distances[query, there], metric)
    marks = zip(found, first.is_match[query, there], distances, strict=True)
    return RankedGallery(
        query=_shown(dataset.query[query], correct=True, distance=0.0),
        found=tuple(
            _shown(sample, correct=bool(correct), distance=float(distance))
            for sample, correct, distance in marks
        ),
        average_precision=float(scores.average_precisions[query]),
        first_match=int(scores.first_match_ranks[query]) if isinstance(scores, Scores) else None,
    )


def montage(galleries: Sequence[RankedGallery]) -> bytes:
    """Galleries below each other as one PNG: the query, a gap, then what was found, framed."""
    width, height = _THUMBNAIL[0] + 2 * _FRAME + _GAP, _THUMBNAIL[1] + 2 * _FRAME + _GAP
    size = ((FIRST + 1) * width + 4 * _GAP, len(galleries) * height + _GAP)
    canvas = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(canvas)
    for row, gallery in enumerate(galleries):
        frames = ["#444444", *(GREEN if shown.correct else RED for shown in gallery.found)]
        pictures = [shown.thumbnail for shown in (gallery.query, *gallery.found)]
        for column, (picture, colour) in enumerate(zip(pictures, frames, strict=True)):
            left = _GAP + column * width + (2 * _GAP if column else 0)
            top = _GAP + row * height
            corner = (left + width - _GAP - 1, top + height - _GAP - 1)
            draw.rectangle(((left, top), corner), fill=colour)
            canvas.paste(picture, (left + _FRAME, top + _FRAME))
    content = io.BytesIO()
    canvas.save(content, "PNG")
    return content.getvalue()


def _shown(sample: Sample, *, correct: bool, distance: float) -> Shown:
    content = io.BytesIO()
    thumbnail = read_image(sample.path).resize(_THUMBNAIL, Image.Resampling.BICUBIC)
    thumbnail.save(content, "JPEG", quality=88)
    uri = "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()
    return Shown(sample.pid, sample.camid, correct, distance, thumbnail, uri)
