"""`crosscam evaluate`: a trained model and data sets in, scores out."""

from dataclasses import asdict, dataclass
from pathlib import Path

from crosscam.cli.commands.evaluate import FeatureOptions, FurtherFigures, TestOptions
from crosscam.cli.commands.options import LoadingOptions, ManyDataOptions, ModelOptions
from crosscam.cli.data_sets import open_datasets
from crosscam.cli.loading import open_model
from crosscam.cli.output import check_json_file, check_place, write_json
from crosscam.cli.shown_tests import ShownTest, show_tests, tests_to_json
from crosscam.cli.watching import ConsoleWatcher
from crosscam.data.copies import note_copies
from crosscam.devices import repeatable, resolve_device
from crosscam.embedding.embedder import Embedder
from crosscam.errors import InputError
from crosscam.evaluation.camera_pairs import refuse_camera_pairs
from crosscam.evaluation.evaluate import asked_images, embed_test
from crosscam.evaluation.figures import find_figures
from crosscam.evaluation.record import record_test, write_record
from crosscam.settings.evaluation import EvaluationSettings
from crosscam.types import ReIDDataset
from crosscam.weights.saved import ModelCard


def evaluate_model(
    checkpoint: str,
    data: ManyDataOptions,
    features: FeatureOptions,
    test: TestOptions,
    further: FurtherFigures,
    loading: LoadingOptions,
    model: ModelOptions,
    *,
    architecture: str | None,
    json_file: Path | None,
) -> None:
    """Score a trained model on data sets, one after another, and show what was asked for."""
    check_json_file(json_file)
    check_place("--queries", further.queries)
    if further.queries is not None and len(data.names or ()) > 1:
        raise InputError("--queries is of one data set; leave the others out, or --queries")
    settings = EvaluationSettings(**asdict(features), **asdict(test))
    resolve_device(loading.device)  # before data are read
    datasets = open_datasets(data, checkpoint, multi_query=settings.multi_query is not None)
    if further.queries is not None and len(datasets) > 1:
        raise InputError("--queries is of one data set; name one with --data, or leave it out")
    plans = [_plan(name, one, settings) for name, one in datasets.items()]
    for plan in plans if further.pairs else ():
        refuse_camera_pairs(plan.settings, plan.dataset)
    with ConsoleWatcher() as watcher, repeatable(threads=0):
        embedder, card = _open(checkpoint, model, architecture, loading.device, watcher)
        tests = [_test(embedder, plan, further, loading, watcher) for plan in plans]
    if further.queries is not None:
        tested = tests[0].settings
        record = record_test(tests[0].figures.scores, tests[0].dataset, embedder, settings=tested)
        write_record(further.queries, record)
    show_tests(tests, of=_called(embedder, card), with_pairs=further.pairs, json_file=json_file)
    content = {
        "checkpoint": checkpoint,
        "metric": card.metric,
        **_arithmetic(embedder),
        **tests_to_json(tests, with_pairs=further.pairs),
        "trained_on": card.trained_on.model_dump(mode="json"),
    }
    write_json(content, json_file)


def _called(embedder: Embedder, card: ModelCard) -> str:
    """What a model is called in tables: with its runtime and precision, if not the usual ones."""
    return ", ".join([card.architecture, *_arithmetic(embedder).values()])


def _arithmetic(embedder: Embedder) -> dict[str, str]:
    """What a test in JSON says of the runtime and the precision, if they are not the usual ones."""
    network = embedder.network
    if (network.runtime, network.precision) == ("torch", "float32"):
        return {}
    return {"runtime": network.runtime, "precision": network.precision}


@dataclass(frozen=True)
class _Plan:
    """A data set, what to call it, and how it is tested."""

    name: str
    dataset: ReIDDataset
    settings: EvaluationSettings


def _plan(name: str, dataset: ReIDDataset, settings: EvaluationSettings) -> _Plan:
    resolved = settings.resolve(dataset)
    return _Plan(name, note_copies(dataset, protocol=resolved.protocol), resolved)


def _open(
    checkpoint: str,
    options: ModelOptions,
    architecture: str | None,
    device: str,
    watcher: ConsoleWatcher,
) -> tuple[Embedder, ModelCard]:
    """The model, and what is known about it, saying whose weights they are if not our own."""
    embedder = open_model(
        checkpoint,
        options,
        runtime="torch",
        device=device,
        architecture=architecture,
        on_bytes=watcher.on_download(checkpoint),
        on_note=watcher.on_note,
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
) -> ShownTest:
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
    figures = find_figures(
        query,
        gallery,
        metric=embedder.metric,
        settings=settings,
        calibration=embedder.calibration,
        with_pairs=further.pairs,
        with_decisions=further.decisions,
    )
    return ShownTest(plan.name, dataset, settings, figures)
