"""Signs of life: every published recipe, reduced, on the built-in people, from a random start.

    python benchmarks/zoo_people.py [--epochs 6] [--out runs/zoo-people]

Prints a Markdown table. Pictures are 128 x 64, but for HACNN, which takes 160 x 64 alone; the
learning rate falls at a third and two thirds of the epochs, as published. What is trained already
is not trained again, and a run that was stopped is gone on with.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import crosscam
from crosscam.evaluation.run_test import score_baseline
from crosscam.report.page import read_log
from crosscam.zoo.figures import published_figures


def settings(recipe: str, epochs: int) -> list[str]:
    """What is changed of a published recipe."""
    changes = [
        "weights=none",
        f"schedule.epochs={epochs}",
        f"schedule.milestones=[{epochs // 3}, {2 * epochs // 3}]",
    ]
    if crosscam.load_recipe(recipe).model != "hacnn":
        changes += ["input.height=128", "input.width=64"]
    return changes


def train(recipe: str, epochs: int, folder: Path) -> None:
    """Train one recipe, unless that was done."""
    if (folder / "model.json").exists():
        return
    overrides = [part for change in settings(recipe, epochs) for part in ("--set", change)]
    resume = ["--resume"] if folder.exists() else []
    command = [sys.executable, "-m", "crosscam", "train", recipe, "--data", "people"]
    subprocess.run([*command, *overrides, *resume, "--out", str(folder)], check=True)


def row(recipe: str, folder: Path) -> str:
    """The table's row of a finished run."""
    card: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    steps = [line for line in read_log(folder / "log.jsonl") if "step" in line]
    last = [line["loss"] for line in steps[-steps[-1]["steps"] :]]
    minutes = (steps[-1]["time"] - steps[0]["time"]) / 60
    scores = card["scores"]["people"]
    size = "{height} x {width}".format(**card["input"])
    figures = f"{100 * scores['rank1']:.1f} | {100 * scores['mAP']:.1f}"
    first, final = steps[0]["loss"], sum(last) / len(last)
    return f"| `{recipe}` | {size} | {first:.2f} | {final:.2f} | {figures} | {minutes:.1f} |"


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path("runs/zoo-people"))
    arguments = parser.parse_args()
    recipes = list(published_figures().scores)
    for recipe in recipes:
        train(recipe, arguments.epochs, arguments.out / recipe)
    environment = json.loads((arguments.out / recipes[0] / "environment.json").read_text())
    print(f"\n{arguments.epochs} epochs; {environment['device_name']}, {environment['threads']}")
    print(f"threads; torch {environment['torch']}, crosscam {environment['crosscam']}\n")
    print("| recipe | pictures | first loss | last epoch's loss | Rank-1 | mAP | minutes |")
    print("|---|---|---|---|---|---|---|")
    for recipe in recipes:
        print(row(recipe, arguments.out / recipe))
    baseline = score_baseline(crosscam.load_dataset("people"))
    print(
        f"| colour histogram | | | | {100 * baseline.at_rank(1):.1f} | {100 * baseline.mAP:.1f} | |"
    )


if __name__ == "__main__":
    main()
