"""`crosscam calibrate`: a saved model and people it has not seen in, probabilities out."""

from pathlib import Path
from typing import Annotated

import typer

from crosscam.cli.evaluate_options import BatchSize, Device, Workers
from crosscam.cli.options import Data, Exclude, JsonFile, Pattern, Root, Table, open_dataset
from crosscam.cli.output import check_json_file, console_for, write_json
from crosscam.cli.watching import ConsoleWatcher
from crosscam.embedding.load import load_embedder
from crosscam.evaluation.calibrate import calibrate
from crosscam.weights.saved import CARD_FILE, save_card, saved_folder


def calibrate_run(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="A run's folder, or a converted model's.")
    ],
    data: Data,
    root: Root = None,
    pattern: Pattern = None,
    table: Table = None,
    exclude: Exclude = None,
    device: Device = "auto",
    workers: Workers = 2,
    batch_size: BatchSize = 100,
    json_file: JsonFile = None,
) -> None:
    """Fit how probable a distance is one of the same person, and write it into RUN's model.json.

    It is fitted to training people of the data set whom the model has not seen: to those that its
    run held out, or, on other data than it was trained on, to all of them.
    """
    check_json_file(json_file)
    folder = saved_folder(run)
    embedder = load_embedder(run, device=device)
    dataset = open_dataset(data, root, pattern=pattern, table=table, exclude=exclude)
    with ConsoleWatcher() as watcher:
        calibrated = calibrate(
            embedder,
            dataset,
            workers=workers,
            batch_size=batch_size,
            on_images=watcher.on_images,
        )
    found, card = calibrated.calibration, calibrated.card
    assert found is not None
    assert card is not None
    save_card(folder, card)
    console = console_for(json_file)
    console.print(
        f"{found.kind}, from {found.genuine_pairs:,} pairs of one person and "
        f"{found.impostor_pairs:,} of two, of {len(found.pids)} people ({found.data})"
    )
    for threshold in found.thresholds:
        chance = found.probability([threshold.distance])[0]
        console.print(
            f"below {threshold.distance:.4g} ({100 * chance:.1f} %): accepts "
            f"{100 * threshold.far:g} % of pairs of two people, {100 * threshold.tar:.1f} % of one"
        )
    console.print(f"written into {folder / CARD_FILE}")
    write_json({"run": str(run), "calibration": found.model_dump(mode="json")}, json_file)
