"""What the failure browser's script gets: plain columns, with pictures by number."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan
from typing import Any

import numpy as np

from crosscam.ranking.ranked import NOBODY
from crosscam.report.failure_hubs import Hub
from crosscam.report.failure_labels import Suspect, Suspicions
from crosscam.report.failures import KINDS, SHOWN, Failures, Probability
from crosscam.report.thumbnails import PER_FOLDER
from crosscam.screen import short_name
from crosscam.types import Float64s, ReIDDataset, Sample

MOST_MATCHES = 40
TITLES = {
    "right": "right at rank 1",
    "near": "wrong at rank 1, right at 2 to 5",
    "later": f"right at 6 to {SHOWN}",
    "beyond": f"right only after {SHOWN}",
    "unmatched": "no match in the gallery",
}


@dataclass(frozen=True)
class Collected:
    """All that a page shows; `most_queries` are kept of the queries, the worst."""

    failures: Failures
    hubs: tuple[Hub, ...]
    suspicions: Suspicions
    dataset: ReIDDataset
    probability: Probability | None
    most_queries: int


class _Pictures:
    """Numbers the pictures of a page in the order in which they are asked for."""

    def __init__(self, dataset: ReIDDataset) -> None:
        self._dataset = dataset
        self._numbers: dict[tuple[bool, int], int] = {}

    def query(self, place: int) -> int:
        return self._numbers.setdefault((True, place), len(self._numbers))

    def gallery(self, place: int) -> int:
        return self._numbers.setdefault((False, place), len(self._numbers))

    def samples(self) -> list[Sample]:
        """The sample of each number."""
        sides = {True: self._dataset.query, False: self._dataset.gallery}
        return [sides[is_query][place] for is_query, place in self._numbers]


def page_data(collected: Collected) -> tuple[dict[str, Any], list[Sample]]:
    """The data of a page, as JSON can hold it, and the samples that its picture numbers mean.

    `queries` has a column a property, worst query first; `ranked` and `matches` a row a query, of
    images and what belongs to each. Where something names a query, it is by its row on the page, or
    -1 if it is not on it. Ids are text, which no reader of JSON rounds.
    """
    failures = collected.failures
    chosen = failures.worst_first[: collected.most_queries].tolist()
    rows = {query: row for row, query in enumerate(chosen)}
    pictures = _Pictures(collected.dataset)
    shown = {
        "queries": _queries(failures, chosen, pictures),
        "ranked": _ranked(collected, chosen, pictures),
        "matches": _matches(collected, chosen, pictures),
        "hubs": [_hub(hub, failures, rows, pictures) for hub in collected.hubs],
        "alike": _suspects(collected.suspicions.alike, collected, rows, pictures),
        "apart": _suspects(collected.suspicions.apart, collected, rows, pictures),
        "apartInCamera": _suspects(collected.suspicions.apart_in_camera, collected, rows, pictures),
    }
    samples = pictures.samples()
    known = collected.dataset.has_cameras
    data = {
        "perFolder": PER_FOLDER,
        "kinds": [{"key": key, "title": TITLES[key]} for key in KINDS],
        "images": {
            "name": [short_name(sample.path) for sample in samples],
            "pid": [str(sample.pid) for sample in samples],
            "camid": [str(sample.camid) for sample in samples] if known else None,
        },
        **shown,
    }
    return data, samples


def _queries(failures: Failures, chosen: list[int], pictures: _Pictures) -> dict[str, Any]:
    offsets, first = failures.matches.offsets, failures.scores.first_match_ranks
    last = np.zeros_like(first)
    last[first > 0] = failures.match_ranks[offsets[1:][first > 0] - 1]
    precisions = failures.scores.average_precisions[chosen].tolist()
    return {
        "image": [pictures.query(query) for query in chosen],
        "kind": failures.kinds[chosen].tolist(),
        "first": first[chosen].tolist(),
        "last": last[chosen].tolist(),
        "precision": [None if isnan(one) else round(one, 4) for one in precisions],
        "matches": np.diff(offsets)[chosen].tolist(),
    }


def _ranked(
    collected: Collected, chosen: list[int], pictures: _Pictures
) -> dict[str, list[list[Any]]]:
    failures = collected.failures
    filled = [failures.ranked[query] != NOBODY for query in chosen]
    pairs = list(zip(chosen, filled, strict=True))
    distances = [failures.distances[query][there] for query, there in pairs]
    return {
        "image": [
            [pictures.gallery(place) for place in failures.ranked[query][there].tolist()]
            for query, there in pairs
        ],
        "right": [failures.is_match[query][there].astype(int).tolist() for query, there in pairs],
        **_distances(distances, collected.probability),
    }


def _matches(
    collected: Collected, chosen: list[int], pictures: _Pictures
) -> dict[str, list[list[Any]]]:
    """The nearest true matches of each query, 40 at most."""
    matches = collected.failures.matches
    spans = []
    for query in chosen:
        start, stop = matches.offsets[query : query + 2]
        spans.append(slice(start, min(stop, start + MOST_MATCHES)))
    return {
        "image": [[pictures.gallery(at) for at in matches.images[one].tolist()] for one in spans],
        "rank": [collected.failures.match_ranks[one].tolist() for one in spans],
        **_distances([matches.distances[one] for one in spans], collected.probability),
    }


def _distances(
    rows: list[Float64s], probability: Probability | None
) -> dict[str, list[list[float]]]:
    """Distances, and what is thought probable at them, as short as they are shown."""
    columns = {"distance": [[_short(one) for one in row.tolist()] for row in rows]}
    if probability is not None:
        columns["probability"] = [_chances(row, probability) for row in rows]
    return columns


def _chances(distances: Float64s, probability: Probability) -> list[float]:
    """What is thought probable; 1 - cosine of equal features can be a little below 0."""
    chances = probability(np.maximum(distances, 0)) if len(distances) else distances
    return [round(one, 3) for one in chances.tolist()]


def _short(distance: float) -> float:
    return float(f"{distance:.4g}")


def _hub(hub: Hub, failures: Failures, rows: dict[int, int], pictures: _Pictures) -> dict[str, Any]:
    return {
        "image": pictures.gallery(hub.image),
        "atFirst": hub.at_first,
        "among": hub.among,
        "people": hub.people,
        "queries": [
            {
                "row": rows.get(query, -1),
                "image": pictures.query(query),
                "rank": 1 + failures.ranked[query].tolist().index(hub.image),
            }
            for query in hub.queries
        ],
    }


def _suspects(
    suspects: Iterable[Suspect],
    collected: Collected,
    rows: dict[int, int],
    pictures: _Pictures,
) -> list[dict[str, Any]]:
    found = []
    for suspect in suspects:
        shown: dict[str, Any] = {
            "row": rows.get(suspect.query, -1),
            "query": pictures.query(suspect.query),
            "image": pictures.gallery(suspect.image),
            "distance": _short(suspect.distance),
            "pairs": suspect.pairs,
        }
        if collected.probability is not None:
            chances = _chances(np.array([suspect.distance]), collected.probability)
            shown["probability"] = chances[0]
        found.append(shown)
    return found
