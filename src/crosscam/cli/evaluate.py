"""`crosscam evaluate`: a trained model and a data set in, scores out."""

from typing import Annotated

import typer

from crosscam.cli.options import (
    Architecture,
    Data,
    Exclude,
    JsonFile,
    Pattern,
    Root,
    Table,
    open_dataset,
)
from crosscam.cli.output import check_json_file, print_scores, write_json
from crosscam.cli.watching import ConsoleWatcher
from crosscam.devices import repeatable, resolve_device
from crosscam.evaluation.evaluate import embed_test, rank_embeddings
from crosscam.zoo.load import open_model


def evaluate(
    checkpoint: Annotated[
        str,
        typer.Argument(
            help="A run's folder, a published .pth.tar, or the name of published weights."
        ),
    ],
    data: Data,
    root: Root = None,
    pattern: Pattern = None,
    table: Table = None,
    exclude: Exclude = None,
    architecture: Architecture = None,
    device: Annotated[str, typer.Option(help='"auto", "cpu", "cuda" or "cuda:1".')] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes that load images.")] = 2,
    batch_size: Annotated[int, typer.Option(min=1, help="Images a batch.")] = 100,
    json_file: JsonFile = None,
) -> None:
    """Score a trained model on a data set's query and gallery."""
    check_json_file(json_file)
    place = resolve_device(device)
    dataset = open_dataset(data, root, pattern=pattern, table=table, exclude=exclude)
    with ConsoleWatcher() as watcher, repeatable(threads=0):
        model, card = open_model(
            checkpoint, architecture=architecture, on_bytes=watcher.on_download(checkpoint)
        )
        if card.source is not None:
            watcher.on_note(f"weights from {card.source}; licence: {card.licence}")
            watcher.on_note(f"trained on {card.trained_on.data}; terms: {card.trained_on.terms}")
        for note in dataset.notes:
            watcher.on_note(note)
        embeddings = embed_test(
            model.to(place),
            dataset,
            batch_size=batch_size,
            workers=workers,
            on_batch=watcher.on_images("testing", len(dataset.query) + len(dataset.gallery)),
        )
    scores = rank_embeddings(*embeddings, metric=card.metric)
    print_scores({f"{card.architecture} on {dataset.name}": scores}, json_file=json_file)
    content = {
        "checkpoint": checkpoint,
        "data": dataset.name,
        "metric": card.metric,
        "scores": scores.to_json(),
        "trained_on": card.trained_on.model_dump(mode="json"),
        "left_out": dict(dataset.left_out),
        "notes": list(dataset.notes),
    }
    write_json(content, json_file)
