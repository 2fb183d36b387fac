"""`crosscam calibrate`: a saved model and people it has not seen in, probabilities out."""

from pathlib import Path

from crosscam.cli.commands.options import LoadingOptions, RunDataOptions
from crosscam.cli.console import screen_for
from crosscam.cli.data_sets import open_training_data_of
from crosscam.cli.output import check_json_file, write_json
from crosscam.cli.watching import ConsoleWatcher
from crosscam.embedding.load import load_embedder
from crosscam.evaluation.calibrate import calibrate
from crosscam.weights.saved import CARD_FILE, save_card, saved_folder


def calibrate_run(
    run: Path, data: RunDataOptions, loading: LoadingOptions, *, json_file: Path | None
) -> None:
    """Fit a saved model's calibration, keep it in its card, and show what it is."""
    check_json_file(json_file)
    folder = saved_folder(run)
    embedder = load_embedder(run, device=loading.device, runtime="torch")
    dataset = open_training_data_of(run, data)
    with ConsoleWatcher() as watcher:
        calibrated = calibrate(
            embedder,
            dataset,
            workers=loading.workers,
            batch_size=loading.batch_size,
            on_images=watcher.on_images,
        )
    found, card = calibrated.calibration, calibrated.card
    assert found is not None
    assert card is not None
    save_card(folder, card)
    console = screen_for(json_file)
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
