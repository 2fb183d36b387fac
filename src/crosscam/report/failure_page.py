"""The failure browser: a folder with a page that needs no server and no network."""

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from crosscam.data.progress import OnImages, unwatched
from crosscam.errors import InputError
from crosscam.files import making_folder
from crosscam.ranking.ranked import rank_gallery
from crosscam.report.failure_data import Collected, page_data
from crosscam.report.failure_hubs import Hub, find_hubs
from crosscam.report.failure_labels import Suspicions, find_suspicions
from crosscam.report.failures import Failures, Probability, find_failures
from crosscam.report.thumbnails import write_thumbnails
from crosscam.settings.evaluation import EvaluationSettings
from crosscam.types import Embeddings, Ranking, ReIDDataset
from crosscam.weights.saved import ModelCard

PAGE, DATA, PICTURES = "index.html", "data.js", "pictures"
SCRIPTS = ("failure_choice.js", "failure_parts.js", "failures.js")
STYLE = "failures.css"
MOST_QUERIES = 4000


@dataclass(frozen=True)
class Written:
    """A page that was written: its path, what is on it, and how many pictures and bytes it has."""

    page: Path
    failures: Failures
    hubs: tuple[Hub, ...]
    suspicions: Suspicions
    pictures: int
    size: int


def write_failures(
    folder: Path,
    embeddings: tuple[Embeddings, Embeddings],
    dataset: ReIDDataset,
    card: ModelCard,
    *,
    settings: EvaluationSettings,
    ranking: Ranking | None = None,
    on_images: OnImages = unwatched,
    probability: Probability | None = None,
    most_queries: int = MOST_QUERIES,
) -> Written:
    """Write the page of a test to `folder`, which is not there or empty, whole or not at all.

    `embeddings` are those of the query and the gallery, by the resolved `settings`. The page shows
    the order by distance, whatever re-ranking makes of it (`ranking`, if it is there already), and
    the `most_queries` worst queries.
    `probability` says how probable it is that two images at a distance, (N,) as they are shown,
    show one person, (N,) in [0, 1]. `on_images` is told how far the pictures are, and may raise to
    stop. Raises `InputError` for the protocol single-shot, whose galleries are drawn, and
    `DataError` for a picture that cannot be read.
    """
    refuse_failures(settings)
    failures = find_failures(
        ranking
        or rank_gallery(
            *embeddings,
            metric=card.metric,
            leaves_out_cameras=settings.leaves_out_cameras,
            clothes=settings.clothes,
        )
    )
    hubs = find_hubs(failures, embeddings[0].pids)
    suspicions = find_suspicions(failures, *embeddings, metric=card.metric)
    collected = Collected(failures, hubs, suspicions, dataset, probability, most_queries)
    data, samples = page_data(collected)
    with making_folder(folder) as beside:
        (beside / PICTURES).mkdir()
        size = write_thumbnails(
            beside / PICTURES,
            [sample.path for sample in samples],
            on_images=on_images("writing what it gets wrong", len(samples)),
        )
        size += _write_page(beside, data, collected, card, settings)
    return Written(folder / PAGE, failures, hubs, suspicions, len(samples), size)


def known_probability(card: ModelCard, query: Embeddings) -> Probability | None:
    """What the model's calibration says of a distance, if it has one for features like these."""
    calibration = card.calibration
    fits = calibration is not None and calibration.made_by == query.made_by
    return calibration.probability if calibration is not None and fits else None


def has_failures(settings: EvaluationSettings) -> bool:
    """Whether a test by these (resolved) settings has a ranking to look at: not if it is drawn."""
    return settings.protocol != "single-shot"


def refuse_failures(settings: EvaluationSettings) -> None:
    """Raise `InputError` if a test by these (resolved) settings has no ranking to look at."""
    if not has_failures(settings):
        raise InputError(
            "the protocol single-shot draws its gallery, so a query has no one ranking to look at; "
            "choose another protocol"
        )


def _write_page(
    folder: Path,
    data: dict[str, Any],
    collected: Collected,
    card: ModelCard,
    settings: EvaluationSettings,
) -> int:
    """Write all but the pictures; returns the bytes written."""
    script = f'"use strict";\nconst DATA = {json.dumps(data, separators=(",", ":"))};\n'
    contents = {DATA: script, **{name: _resource(name) for name in (STYLE, *SCRIPTS)}}
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["percent"] = lambda fraction: f"{100 * fraction:.1f} %"
    contents[PAGE] = environment.from_string(_resource("failures.html.jinja")).render(
        card=card,
        dataset=collected.dataset,
        scores=collected.failures.scores,
        settings=settings,
        suspicions=collected.suspicions,
        shown=len(data["ranked"]["image"]),
        with_probability=collected.probability is not None,
        pictures=len(data["images"]["pid"]),
        scripts=(DATA, *SCRIPTS),
        style=STYLE,
        nonce=hashlib.sha256("\0".join(contents.values()).encode()).hexdigest()[:32],
    )
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8")
    return sum(len(content.encode()) for content in contents.values())


def _resource(name: str) -> str:
    return (files("crosscam.report") / name).read_text(encoding="utf-8")
