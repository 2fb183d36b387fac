"""`crosscam evaluate`: a trained model and data sets in, scores out."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from crosscam.cli.commands.evaluate import FurtherFigures, TestOptions
from crosscam.cli.commands.options import LoadingOptions, ManyDataOptions
from crosscam.cli.data_sets import open_datasets
from crosscam.cli.decisions import print_decisions
from crosscam.cli.output import (
    check_json_file,
    check_place,
    print_camera_pairs,
    print_scores,
    write_json,
)
from crosscam.cli.watching import ConsoleWatcher
from crosscam.data.copies import note_copies
from crosscam.decisions.bootstrap import Intervals, confidence_intervals
from crosscam.decisions.decide import Decisions, decide
from crosscam.devices import repeatable, resolve_device
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.load import load_embedder
from crosscam.errors import InputError
from crosscam.evaluation.camera_pairs import CameraPair, camera_pairs, refuse_camera_pairs
from crosscam.evaluation.evaluate import asked_images, embed_test, score_embeddings
from crosscam.evaluation.record import record_test, write_record
from crosscam.evaluation.switches import apply_protocol
from crosscam.ranking.ranked import rank_gallery
from crosscam.settings.evaluation import EvaluationSettings
from crosscam.types import AnyScores, Ranking, ReIDDataset
from crosscam.weights.saved import ModelCard


def evaluate_model(
    checkpoint: str,
    data: ManyDataOptions,
    test: TestOptions,
    further: FurtherFigures,
    loading: LoadingOptions,
    *,
    architecture: str | None,
    json_file: Path | None,
) -> None:
    """Score a trained model on data sets, one after another, and show what was asked for."""
    check_json_file(json_file)
    check_place("--queries", further.queries)
    if further.queries is not None and len(data.names or ()) > 1:
        raise InputError("--queries is of one data set; leave the others out, or --queries")
    settings = EvaluationSettings(**asdict(test))
    resolve_device(loading.device)  # before data are read
    datasets = open_datasets(data, checkpoint, multi_query=settings.multi_query is not None)
    plans = [_plan(name, one, settings) for name, one in datasets.items()]
    for plan in plans if further.pairs else ():
        refuse_camera_pairs(plan.settings, plan.dataset)
    with ConsoleWatcher() as watcher, repeatable(threads=0):
        embedder, card = _open(checkpoint, architecture, loading.device, watcher)
        tests = [_test(embedder, plan, further, loading, watcher) for plan in plans]
    if further.queries is not None:
        settings = tests[0].plan.settings
        record = record_test(tests[0].scores, tests[0].plan.dataset, embedder, settings=settings)
        write_record(further.queries, record)
    _show(tests, checkpoint, card, pairs=further.pairs, json_file=json_file)


@dataclass(frozen=True)
class _Plan:
    """A data set, what to call it, and how it is tested."""

    name: str
    dataset: ReIDDataset
    settings: EvaluationSettings


@dataclass(frozen=True)
class _Test:
    """What testing by a plan gave; no pairs and decisions where they were not asked for."""

    plan: _Plan
    scores: AnyScores
    intervals: Intervals | None
    pairs: tuple[CameraPair, ...]
    decisions: Decisions | None


def _plan(name: str, dataset: ReIDDataset, settings: EvaluationSettings) -> _Plan:
    resolved = settings.resolve(dataset)
    return _Plan(name, note_copies(dataset, protocol=resolved.protocol), resolved)


def _open(
    checkpoint: str, architecture: str | None, device: str, watcher: ConsoleWatcher
) -> tuple[Embedder, ModelCard]:
    """The model, and what is known about it, saying whose weights they are if not our own."""
    embedder = load_embedder(
        checkpoint,
        device=device,
        architecture=architecture,
        on_bytes=watcher.on_download(checkpoint),
    )
    card = embedder.card
    assert card is not None
    if card.source is not None:
        watcher.on_note(f"weights from {card.source}; licence: {card.licence}")
        watcher.on_note(f"trained on {card.trained_on.data}; terms: {card.trained_on.terms}")
    return embedder, card


def _test(
    embedder: Embedder,
    plan: _Plan,
    further: FurtherFigures,
    loading: LoadingOptions,
    watcher: ConsoleWatcher,
) -> _Test:
    dataset, settings = plan.dataset, plan.settings
    for note in dataset.notes:
        watcher.on_note(f"{plan.name}: {note}")
    total = len(asked_images(dataset, settings)) + len(dataset.gallery)
    query, gallery = embed_test(
        embedder,
        dataset,
        settings=settings,
        batch_size=loading.batch_size,
        workers=loading.workers,
        on_batch=watcher.on_images(f"testing on {plan.name}", total),
    )
    ranking: Ranking | None = None
    if further.pairs or further.decisions:
        leaves_out = settings.leaves_out_cameras
        ranking = rank_gallery(
            query, gallery, metric=embedder.metric, leaves_out_cameras=leaves_out
        )
    scores = score_embeddings(
        query, gallery, metric=embedder.metric, settings=settings, ranking=ranking
    )
    pairs: tuple[CameraPair, ...] = ()
    if further.pairs and ranking is not None:
        pairs = camera_pairs(query, gallery, ranking)
    decisions: Decisions | None = None
    if further.decisions:
        decisions = decide(
            *apply_protocol(query, gallery, settings),
            metric=embedder.metric,
            calibration=embedder.calibration,
            ranking=ranking,
        )
    intervals = confidence_intervals(scores, query.pids)
    return _Test(plan, scores, intervals, pairs, decisions)


def _show(
    tests: Sequence[_Test],
    checkpoint: str,
    card: ModelCard,
    *,
    pairs: bool,
    json_file: Path | None,
) -> None:
    """Print one table of all tests and write one JSON: flat for one data set, else with `sets`."""
    rows = {_row(card, test.plan): test.scores for test in tests}
    intervals = {_row(card, test.plan): test.intervals for test in tests}
    print_scores(rows, intervals, json_file=json_file)
    for test in tests if pairs else ():
        print_camera_pairs(test.plan.name, test.pairs, json_file=json_file)
    for test in tests:
        if test.decisions is not None:
            print_decisions(test.plan.name, test.decisions, json_file=json_file)
    sets = [_content(test, pairs=pairs) for test in tests]
    content = {
        "checkpoint": checkpoint,
        "metric": card.metric,
        **(sets[0] if len(sets) == 1 else {"sets": sets}),
        "trained_on": card.trained_on.model_dump(mode="json"),
    }
    write_json(content, json_file)


def _row(card: ModelCard, plan: _Plan) -> str:
    words = plan.settings.in_words()
    return f"{card.architecture} on {plan.name}" + (f" ({words})" if words else "")


def _content(test: _Test, *, pairs: bool) -> dict[str, Any]:
    """What a `--json` file says of one data set."""
    dataset = test.plan.dataset
    return {
        "data": test.plan.name,
        "settings": test.plan.settings.to_json(),
        "scores": test.scores.to_json(),
        "intervals": test.intervals.to_json() if test.intervals else None,
        **({"decisions": test.decisions.to_json()} if test.decisions else {}),
        **({"camera_pairs": [pair.to_json() for pair in test.pairs]} if pairs else {}),
        "left_out": dict(dataset.left_out),
        "notes": list(dataset.notes),
    }
