"""`crosscam demo`: the whole way on the built-in people, in a few minutes."""

from pathlib import Path

from crosscam.cli.run_names import latest_run, unused_run
from crosscam.cli.train import train_and_show
from crosscam.data.joining import gather
from crosscam.data.registry import load_dataset
from crosscam.recipe import load_recipe

RECIPE = "strong-lightres"
OVERRIDES = (
    "input.height=128",
    "input.width=64",
    "schedule.epochs=70",
    "calibration.held_out=0.1",
)


def train_demo(out: Path | None, *, resume: bool, json_file: Path | None) -> None:
    """Train a small model on the built-in rendered people, test it, and write a report."""
    train_and_show(
        load_recipe(RECIPE, OVERRIDES),
        gather([load_dataset("people")]),
        out or (latest_run("demo") if resume else unused_run("demo")),
        resume=resume,
        with_baseline=True,
        json_file=json_file,
    )
