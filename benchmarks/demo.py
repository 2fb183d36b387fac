"""How well and how fast the demo learns: its recipe with several seeds, spread and machine said.

    python benchmarks/demo.py [--seeds 3] [--recipe lightres-xent-htri] [--epochs 40]

Prints a Markdown table. The runs go to a temporary folder. With another recipe, or for so many
epochs, it says how well that would do in the demo's place.
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


def main() -> None:
    """Run, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipe", default=RECIPE)
    parser.add_argument("--epochs", type=int, help="instead of the demo's")
    chosen = parser.parse_args()
    overrides = list(OVERRIDES)
    if chosen.epochs is not None:
        overrides.append(f"schedule.epochs={chosen.epochs}")
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            run_demo(chosen.recipe, overrides, seed, Path(folder))
            for seed in range(1, chosen.seeds + 1)
        ]
    environment = runs[0]["environment"]
    print(f"\n{len(runs)} seeds; {environment['device_name']}, {environment['threads']} threads,")
    print(f"autocast {environment['autocast']}; Python {platform.python_version()},", end=" ")
    print(f"torch {environment['torch']}, crosscam {environment['crosscam']}\n")
    print("| | Rank-1 | mAP | mINP | seconds |\n|---|---|---|---|---|")
    figures = {
        name: [100 * run["scores"][name] for run in runs] for name in ("rank1", "mAP", "mINP")
    }
    figures["seconds"] = [run["seconds"] for run in runs]
    cells = [
        f"{statistics.mean(values):.1f} ({min(values):.1f} to {max(values):.1f})"
        for values in figures.values()
    ]
    print(f"| {chosen.recipe}, reduced | {' | '.join(cells)} |")
    baseline = runs[0]["baseline"]
    cells = [f"{100 * baseline[name]:.1f}" for name in ("rank1", "mAP", "mINP")]
    print(f"| colour histogram | {' | '.join(cells)} | |")


if __name__ == "__main__":
    main()
