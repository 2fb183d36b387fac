"""The report of a run: `report.html`, which needs nothing else, and its pictures as PNGs beside."""

import base64
import contextlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, StrictUndefined

from crosscam.decisions.bootstrap import Interval
from crosscam.evaluation.outcome import BASELINE, Outcome, intervals_of, rows_of
from crosscam.files import replacing, write_text
from crosscam.report.decision_plots import plot_error_rates, plot_reliability
from crosscam.report.galleries import RankedGallery, choose_queries, montage, ranked_gallery
from crosscam.report.plots import plot_camera_pairs, plot_cmc, plot_distances, plot_training
from crosscam.types import ReIDDataset
from crosscam.weights.saved import ModelCard

_EACH = 4


def write_report(
    folder: Path,
    *,
    card: ModelCard,
    environment: Mapping[str, Any],
    log: Path,
    dataset: ReIDDataset,
    outcome: Outcome | None,
    epoch: int,
    failures: str | None = None,
    further: Mapping[str, Outcome] = MappingProxyType({}),
) -> Path:
    """Write `report.html` and its PNGs into `folder`; returns the page's path.

    `outcome` is None for a data set without a test split; the page then shows training alone.
    `further` are the tests on further data sets, by their names, which the table of figures and the
    plot of CMC curves have, too; all else is of `dataset`.
    `failures` is the path from there to the page of what the model gets wrong, if there is one.
    """
    steps = [line for line in read_log(log) if "step" in line]
    pictures = {"training": plot_training(steps)} if steps else {}
    outcomes = {} if outcome is None else {dataset.name: outcome, **further}
    rows = rows_of(outcomes, card.architecture)
    galleries: dict[str, Any] = {}
    if outcome is not None:
        pictures |= {"cmc": plot_cmc(rows), **_plots(outcome, card)}
        galleries = _galleries(outcome, dataset)
        pictures["ranked"] = montage([gallery for kind in galleries.values() for gallery in kind])
    for name, content in pictures.items():
        with replacing(folder / f"{name}.png") as beside:
            beside.write_bytes(content)
    page = _template().render(
        card=card,
        environment=environment,
        dataset=dataset,
        outcome=outcome,
        failures=failures,
        further=further,
        rows=rows,
        intervals=intervals_of(outcomes, card.architecture),
        baseline_name=BASELINE,
        galleries=galleries,
        epoch=epoch,
        steps=len(steps),
        recipe=flatten(card.recipe),
        uris={name: _uri(content) for name, content in pictures.items()},
    )
    path = folder / "report.html"
    write_text(path, page)
    return path


def _plots(outcome: Outcome, card: ModelCard) -> dict[str, bytes]:
    plots: dict[str, bytes] = {}
    pairs = outcome.camera_pairs
    if len({camid for pair in pairs for camid in (pair.query_camid, pair.gallery_camid)}) > 1:
        plots["cameras"] = plot_camera_pairs(pairs)
    decisions = outcome.decisions
    if decisions is not None:
        plots["distances"] = plot_distances(decisions.pairs, metric=card.metric)
        plots["errors"] = plot_error_rates(decisions.verification)
        if decisions.reliability is not None:
            plots["reliability"] = plot_reliability(decisions.reliability)
    return plots


def _galleries(outcome: Outcome, dataset: ReIDDataset) -> dict[str, list[RankedGallery]]:
    first, scores = outcome.ranking.first(), outcome.by_distance
    chosen = choose_queries(scores, outcome.embeddings[0].pids, each=_EACH)
    metric = outcome.ranking.metric
    return {
        kind: [ranked_gallery(query, dataset, first, scores, metric) for query in chosen[kind]]
        for kind in ("best", "middling", "worst")
    }


def read_log(log: Path) -> list[dict[str, Any]]:
    """The lines of a `log.jsonl`, if it is there; what is no JSON object is passed over."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    found = []
    for line in lines:
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return [line for line in found if isinstance(line, dict)]


def flatten(settings: Mapping[str, Any], prefix: str = "") -> Sequence[tuple[str, Any]]:
    """Nested settings as (dotted key, value) pairs, in their order; lists of tables by name."""
    pairs: list[tuple[str, Any]] = []
    for key, value in settings.items():
        if isinstance(value, Mapping):
            pairs += flatten(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
            tables = {str(one.get("name", place)): one for place, one in enumerate(value)}
            pairs += flatten(tables, f"{prefix}{key}.")
        else:
            pairs.append((prefix + key, value))
    return pairs


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _span(interval: Interval | None) -> str:
    """An interval in per cent, or nothing where there is none."""
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}" if interval else ""


def _template() -> Any:  # jinja2's Template
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["percent"] = lambda fraction: f"{100 * fraction:.1f} %"
    environment.filters["span"] = _span
    text = (files("crosscam.report") / "report.html.jinja").read_text(encoding="utf-8")
    return environment.from_string(text)
