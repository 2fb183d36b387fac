"""How well and how fast the demo learns: its recipe with several seeds, spread and machine said.

    python benchmarks/demo.py [--seeds 3] [--arithmetic none bf16] [--recipe ...] [--epochs 40]

Prints a Markdown table, with a row an arithmetic: float32 (none) and, where the processor has it,
bf16; figures of one are not within the range of the other. The runs go to a temporary folder. With
another recipe, or for so many epochs, it says how well that would do in the demo's place.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from crosscam.cli.demo import OVERRIDES, RECIPE
from crosscam.devices import resolve_autocast, resolve_device

ARITHMETICS = {"none": "float32", "bf16": "bf16"}


def run_demo(recipe: str, overrides: Sequence[str], seed: int, folder: Path) -> dict[str, Any]:
    """What one run says of itself, and the seconds that the whole command took."""
    settings = [part for override in (*overrides, f"seed={seed}") for part in ("--set", override)]
    command = [sys.executable, "-m", "crosscam", "train", recipe, "--data", "people", "--baseline"]
    out = folder / str(seed)
    started = time.monotonic()
    subprocess.run(
        [*command, *settings, "--out", str(out), "--json", str(folder / f"{seed}.json")], check=True
    )
    seconds = time.monotonic() - started
    content = json.loads((folder / f"{seed}.json").read_text(encoding="utf-8"))
    environment = json.loads((out / "environment.json").read_text(encoding="utf-8"))
    return {**content, "seconds": seconds, "environment": environment}


def row(name: str, runs: Sequence[dict[str, Any]]) -> str:
    """A line of the table: means, and least to most."""
    figures = {key: [100 * run["scores"][key] for run in runs] for key in ("rank1", "mAP", "mINP")}
    figures["seconds"] = [run["seconds"] for run in runs]
    cells = [
        f"{statistics.mean(values):.1f} ({min(values):.1f} to {max(values):.1f})"
        for values in figures.values()
    ]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    native = resolve_autocast("auto", resolve_device("auto"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--arithmetic",
        nargs="+",
        choices=ARITHMETICS,
        default=["none", "bf16"] if native else ["none"],
    )
    parser.add_argument("--recipe", default=RECIPE)
    parser.add_argument("--epochs", type=int, help="instead of the demo's")
    chosen = parser.parse_args()
    overrides = list(OVERRIDES)
    if chosen.epochs is not None:
        overrides.append(f"schedule.epochs={chosen.epochs}")
    seeds = range(1, chosen.seeds + 1)
    runs: dict[str, list[dict[str, Any]]] = {}
    for arithmetic in chosen.arithmetic:
        settings = [*overrides, f"compute.autocast={arithmetic}"]
        with tempfile.TemporaryDirectory() as folder:
            runs[arithmetic] = [
                run_demo(chosen.recipe, settings, seed, Path(folder)) for seed in seeds
            ]
    first = runs[chosen.arithmetic[0]][0]
    environment = first["environment"]
    print(f"\n{len(seeds)} seeds; {environment['device_name']}, {environment['threads']} threads;")
    print(f"Python {platform.python_version()}, torch {environment['torch']}, ", end="")
    print(f"crosscam {environment['crosscam']}\n")
    print("| | Rank-1 | mAP | mINP | seconds |\n|---|---|---|---|---|")
    for arithmetic, done in runs.items():
        print(row(f"{chosen.recipe}, reduced, {ARITHMETICS[arithmetic]}", done))
    baseline = first["baseline"]
    cells = [f"{100 * baseline[name]:.1f}" for name in ("rank1", "mAP", "mINP")]
    print(f"| colour histogram | {' | '.join(cells)} | |")


if __name__ == "__main__":
    main()
