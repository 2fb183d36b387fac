"""`crosscam failures`: a page of what a trained model gets wrong."""

from dataclasses import replace
from pathlib import Path

from crosscam.choices import Protocol
from crosscam.cli.commands.options import LoadingOptions, RunDataOptions
from crosscam.cli.console import screen_for
from crosscam.cli.data_sets import open_data_of
from crosscam.cli.output import check_json_file, print_scores, write_json
from crosscam.cli.watching import ConsoleWatcher
from crosscam.data.copies import note_copies
from crosscam.data.fingerprint import fingerprint
from crosscam.devices import repeatable, resolve_device
from crosscam.embedding.load import load_embedder
from crosscam.errors import DataError, RunError
from crosscam.evaluation.evaluate import asked_images, embed_test
from crosscam.report.failure_data import TITLES
from crosscam.report.failure_page import (
    Written,
    known_probability,
    refuse_failures,
    write_failures,
)
from crosscam.settings.evaluation import EvaluationSettings, read_testing
from crosscam.training.run_folder import RunFolder
from crosscam.types import ReIDDataset
from crosscam.weights.saved import CARD_FILE, ModelCard, read_card, saved_folder


def write_failures_of(
    run: Path,
    data: RunDataOptions,
    loading: LoadingOptions,
    out: Path | None,
    *,
    protocol: Protocol | None,
    most_queries: int,
    json_file: Path | None,
) -> None:
    """Test a run's model, and write the page of what it gets wrong into a new folder."""
    check_json_file(json_file)
    card = read_card(run)
    folder = out or RunFolder(run if run.is_dir() else run.parent).failures
    _refuse_used(folder)
    resolve_device(loading.device)  # before data are read
    dataset, settings = _open_test(run, card, data, protocol)
    with ConsoleWatcher() as watcher, repeatable(threads=0):
        _note_other_data(card, dataset, watcher)
        total = len(asked_images(dataset, settings)) + len(dataset.gallery)
        embeddings = embed_test(
            load_embedder(run, device=loading.device, runtime="torch"),
            dataset,
            settings=settings,
            batch_size=loading.batch_size,
            workers=loading.workers,
            on_batch=watcher.on_images(f"testing on {dataset.name}", total),
        )
        written = write_failures(
            folder,
            embeddings,
            dataset,
            card,
            settings=settings,
            on_images=watcher.on_images,
            probability=known_probability(card, embeddings[0]),
            most_queries=most_queries,
        )
    _show(written, card, dataset, settings, json_file)


def _refuse_used(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(
            f"{folder} is not empty; give --out the name of a new folder, or remove that one first"
        )


def _open_test(
    run: Path, card: ModelCard, data: RunDataOptions, protocol: Protocol | None
) -> tuple[ReIDDataset, EvaluationSettings]:
    """The data, and the test of the run's recipe on them, resolved."""
    table, source = card.recipe.get("test", {}), str(saved_folder(run) / CARD_FILE)
    settings = read_testing(table, source=source).settings
    if protocol is not None:
        settings = replace(settings, protocol=protocol)
    dataset = open_data_of(run, data, multi_query=settings.multi_query is not None)
    if not dataset.query:
        raise DataError(f"data set {dataset.name!r} has no query and gallery to test on")
    resolved = settings.resolve(dataset)
    refuse_failures(resolved)
    return note_copies(dataset, protocol=resolved.protocol), resolved


def _note_other_data(card: ModelCard, dataset: ReIDDataset, watcher: ConsoleWatcher) -> None:
    for note in dataset.notes:
        watcher.on_note(f"{dataset.name}: {note}")
    now, before = fingerprint(dataset), card.trained_on.fingerprint
    if now not in {before, *(one.fingerprint for one in card.data_sets)}:
        watcher.on_note(
            f"this is a new test: the run is one of {card.trained_on.data} (fingerprint {before}), "
            f"and these data are {dataset.name} (fingerprint {now})"
        )


def _show(
    written: Written,
    card: ModelCard,
    dataset: ReIDDataset,
    settings: EvaluationSettings,
    json_file: Path | None,
) -> None:
    """Print the scores by distance, how many queries are of each kind, and where the page is."""
    failures, suspicions = written.failures, written.suspicions
    words = "by distance, before re-ranking" if settings.rerank else "by distance"
    name = f"{card.architecture} on {dataset.name} ({words})"
    print_scores({name: failures.scores}, {}, json_file=json_file)
    console = screen_for(json_file)
    for kind, count in failures.counts().items():
        console.print(f"{TITLES[kind]}: {count:,}")
    console.print(
        f"page: {written.page} ({written.pictures:,} pictures, {written.size / 1e6:.1f} MB)"
    )
    content = {
        "page": str(written.page),
        "data": dataset.name,
        "metric": card.metric,
        "settings": settings.to_json(),
        "scores": failures.scores.to_json(),
        "kinds": failures.counts(),
        "hubs": len(written.hubs),
        "suspected_labels": {
            "alike": len(suspicions.alike),
            "apart": len(suspicions.apart),
            "apart_in_camera": len(suspicions.apart_in_camera),
        },
        "pictures": written.pictures,
        "bytes": written.size,
    }
    write_json(content, json_file)
