"""The report of a run: `report.html`, which needs nothing else, and its pictures as PNGs beside."""

import base64
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from crosscam.evaluation.nearest import sample_distances
from crosscam.files import replacing, write_text
from crosscam.models.saved import ModelCard
from crosscam.report.galleries import choose_queries, montage, ranked_gallery
from crosscam.report.plots import plot_cmc, plot_distances, plot_training
from crosscam.types import Embeddings, ReIDDataset, Scores

BASELINE = "colour histogram"
_EACH = 4


@dataclass(frozen=True)
class Outcome:
    """What testing gave: the scores, those of the baseline if asked for, and the embeddings."""

    scores: Scores
    baseline: Scores | None
    embeddings: tuple[Embeddings, Embeddings]


def write_report(
    folder: Path,
    *,
    card: ModelCard,
    environment: Mapping[str, Any],
    log: Path,
    dataset: ReIDDataset,
    outcome: Outcome | None,
    epoch: int,
) -> Path:
    """Write `report.html` and its PNGs into `folder`; returns the page's path.

    `outcome` is None for a data set without a test split; the page then shows training alone.
    """
    steps = [line for line in read_log(log) if "step" in line]
    pictures = {"training": plot_training(steps)} if steps else {}
    galleries: dict[str, Any] = {}
    if outcome is not None:
        curves = {card.architecture: outcome.scores}
        if outcome.baseline is not None:
            curves[BASELINE] = outcome.baseline
        pictures["cmc"] = plot_cmc(curves)
        distances = sample_distances(*outcome.embeddings, metric=card.metric)
        pictures["distances"] = plot_distances(*distances, metric=card.metric)
        chosen = choose_queries(outcome.scores, outcome.embeddings[0].pids, each=_EACH)
        for kind in ("best", "middling", "worst"):
            galleries[kind] = [
                ranked_gallery(query, dataset, outcome.embeddings, outcome.scores, card.metric)
                for query in chosen[kind]
            ]
        pictures["ranked"] = montage([gallery for kind in galleries.values() for gallery in kind])
    for name, content in pictures.items():
        with replacing(folder / f"{name}.png") as beside:
            beside.write_bytes(content)
    page = _template().render(
        card=card,
        environment=environment,
        dataset=dataset,
        outcome=outcome,
        baseline_name=BASELINE,
        galleries=galleries,
        epoch=epoch,
        steps=len(steps),
        settings=flatten(card.recipe),
        uris={name: _uri(content) for name, content in pictures.items()},
    )
    path = folder / "report.html"
    write_text(path, page)
    return path


def read_log(log: Path) -> list[dict[str, Any]]:
    """The lines of a `log.jsonl`, if it is there; what is no JSON object is passed over."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return [line for line in found if isinstance(line, dict)]


def flatten(settings: Mapping[str, Any], prefix: str = "") -> Sequence[tuple[str, Any]]:
    """Nested settings as (dotted key, value) pairs, in their order."""
    pairs: list[tuple[str, Any]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            pairs += flatten(value, f"{prefix}{key}.")
        else:
            pairs.append((prefix + key, value))
    return pairs


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _template() -> Any:  # jinja2's Template
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["percent"] = lambda fraction: f"{100 * fraction:.1f} %"
    text = (files("crosscam.report") / "report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(text)
