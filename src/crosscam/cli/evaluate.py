"""`crosscam evaluate`: a trained model and a data set in, scores out."""

from pathlib import Path
from typing import Annotated

import typer

from crosscam.cli.options import Data, JsonFile, Root, open_dataset
from crosscam.cli.output import check_json_file, print_scores, write_json
from crosscam.cli.watching import ConsoleWatcher
from crosscam.devices import repeatable, resolve_device
from crosscam.evaluation.evaluate import embed_test, rank_embeddings
from crosscam.models.saved import load_model, read_card


def evaluate(
    checkpoint: Annotated[
        Path, typer.Argument(help="A run's folder, or the model.safetensors in it.")
    ],
    data: Data,
    root: Root = None,
    device: Annotated[str, typer.Option(help='"auto", "cpu", "cuda" or "cuda:1".')] = "auto",
    workers: Annotated[int, typer.Option(min=0, help="Processes that load images.")] = 2,
    batch_size: Annotated[int, typer.Option(min=1, help="Images a batch.")] = 100,
    json_file: JsonFile = None,
) -> None:
    """Score a trained model on a data set's query and gallery."""
    check_json_file(json_file)
    card = read_card(checkpoint)
    model = load_model(checkpoint).to(resolve_device(device))
    dataset = open_dataset(data, root)
    with ConsoleWatcher() as watcher, repeatable(threads=0):
        embeddings = embed_test(
            model,
            dataset,
            batch_size=batch_size,
            workers=workers,
            on_batch=watcher.on_images("testing", len(dataset.query) + len(dataset.gallery)),
        )
    scores = rank_embeddings(*embeddings, metric=card.metric)
    print_scores({f"{card.architecture} on {dataset.name}": scores}, json_file=json_file)
    content = {
        "checkpoint": str(checkpoint),
        "data": dataset.name,
        "metric": card.metric,
        "scores": scores.to_json(),
        "trained_on": card.trained_on.model_dump(mode="json"),
        "left_out": dict(dataset.left_out),
    }
    write_json(content, json_file)
