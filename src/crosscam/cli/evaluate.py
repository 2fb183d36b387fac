"""`crosscam evaluate`: a trained model and data sets in, scores out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crosscam.cli.data_sets import open_datasets
from crosscam.cli.evaluate_options import (
    K1,
    K2,
    Alpha,
    Augment,
    BatchSize,
    ByProtocol,
    CameraPairs,
    Checkpoint,
    DataSets,
    Device,
    Expand,
    Flip,
    Lambda,
    MultiQuery,
    Rerank,
    Roots,
    Workers,
)
from crosscam.cli.options import Architecture, Exclude, JsonFile, Pattern, Table
from crosscam.cli.output import check_json_file, print_camera_pairs, print_scores, write_json
from crosscam.cli.watching import ConsoleWatcher
from crosscam.devices import repeatable, resolve_device
from crosscam.evaluation.camera_pairs import CameraPair, camera_pairs, refuse_camera_pairs
from crosscam.evaluation.evaluate import asked_images, embed_test, score_embeddings
from crosscam.evaluation.settings import EvaluationSettings
from crosscam.models.base import ReIDModel
from crosscam.models.saved import ModelCard
from crosscam.types import AnyScores, ReIDDataset
from crosscam.zoo.load import open_model


def evaluate(
    checkpoint: Checkpoint,
    data: DataSets,
    root: Roots = None,
    pattern: Pattern = None,
    table: Table = None,
    exclude: Exclude = None,
    architecture: Architecture = None,
    protocol: ByProtocol = None,
    flip: Flip = False,  # noqa: FBT002
    multi_query: MultiQuery = None,
    augment: Augment = 0,
    expand: Expand = 0,
    alpha: Alpha = 0.0,
    rerank: Rerank = False,  # noqa: FBT002
    k1: K1 = 20,
    k2: K2 = 6,
    lambda_value: Lambda = 0.3,
    pairs: CameraPairs = False,  # noqa: FBT002
    device: Device = "auto",
    workers: Workers = 2,
    batch_size: BatchSize = 100,
    json_file: JsonFile = None,
) -> None:
    """Score a trained model on the query and the gallery of one data set or of several."""
    check_json_file(json_file)
    settings = EvaluationSettings(
        protocol, flip, multi_query, augment, expand, alpha, rerank, k1, k2, lambda_value
    )
    place = resolve_device(device)
    datasets = open_datasets(
        data,
        root or (),
        pattern=pattern,
        table=table,
        exclude=exclude,
        multi_query=multi_query is not None,
    )
    plans = [_Plan(name, one, settings.resolve(one)) for name, one in datasets.items()]
    for plan in plans if pairs else ():
        refuse_camera_pairs(plan.settings, plan.dataset)
    with ConsoleWatcher() as watcher, repeatable(threads=0):
        model, card = _open(checkpoint, architecture, watcher)
        model.to(place)
        tests = [
            _test(model, plan, pairs=pairs, workers=workers, batch_size=batch_size, watcher=watcher)
            for plan in plans
        ]
    _show(tests, checkpoint, card, pairs=pairs, json_file=json_file)


@dataclass(frozen=True)
class _Plan:
    """A data set, what to call it, and how it is tested."""

    name: str
    dataset: ReIDDataset
    settings: EvaluationSettings


@dataclass(frozen=True)
class _Test:
    """What testing by a plan gave; no pairs where they were not asked for."""

    plan: _Plan
    scores: AnyScores
    pairs: tuple[CameraPair, ...]


def _open(
    checkpoint: str, architecture: str | None, watcher: ConsoleWatcher
) -> tuple[ReIDModel, ModelCard]:
    """The model, and what is known about it, saying whose weights they are if not our own."""
    model, card = open_model(
        checkpoint, architecture=architecture, on_bytes=watcher.on_download(checkpoint)
    )
    if card.source is not None:
        watcher.on_note(f"weights from {card.source}; licence: {card.licence}")
        watcher.on_note(f"trained on {card.trained_on.data}; terms: {card.trained_on.terms}")
    return model, card


def _test(
    model: ReIDModel,
    plan: _Plan,
    *,
    pairs: bool,
    workers: int,
    batch_size: int,
    watcher: ConsoleWatcher,
) -> _Test:
    dataset, settings = plan.dataset, plan.settings
    for note in dataset.notes:
        watcher.on_note(f"{plan.name}: {note}")
    total = len(asked_images(dataset, settings)) + len(dataset.gallery)
    query, gallery = embed_test(
        model,
        dataset,
        settings=settings,
        batch_size=batch_size,
        workers=workers,
        on_batch=watcher.on_images(f"testing on {plan.name}", total),
    )
    return _Test(
        plan,
        score_embeddings(query, gallery, metric=model.metric, settings=settings),
        camera_pairs(
            query,
            gallery,
            metric=model.metric,
            leaves_out_cameras=settings.leaves_out_cameras,
        )
        if pairs
        else (),
    )


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
    print_scores(rows, json_file=json_file)
    for test in tests if pairs else ():
        print_camera_pairs(test.plan.name, test.pairs, json_file=json_file)
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
        **({"camera_pairs": [pair.to_json() for pair in test.pairs]} if pairs else {}),
        "left_out": dict(dataset.left_out),
        "notes": list(dataset.notes),
    }
