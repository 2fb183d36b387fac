"""How long the command and the package take to start: help, completion, and imports.

Each is a process of its own, run several times in turn after one that warms the disk's cache.

    python benchmarks/imports.py --times 7
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version

COMMAND = (sys.executable, "-m", "crosscam")
WORDS = "crosscam train lightres-"
COMPLETION = {"_CROSSCAM_COMPLETE": "complete_bash", "COMP_WORDS": WORDS, "COMP_CWORD": "2"}
CASES: Mapping[str, tuple[Sequence[str], Mapping[str, str]]] = {
    "python": ((sys.executable, "-c", ""), {}),
    "crosscam --help": ((*COMMAND, "--help"), {}),
    "crosscam evaluate --help": ((*COMMAND, "evaluate", "--help"), {}),
    "TAB after a recipe's beginning": (COMMAND, COMPLETION),
    "import crosscam": ((sys.executable, "-c", "import crosscam"), {}),
    "import torch": ((sys.executable, "-c", "import torch"), {}),
    "crosscam.rank": ((sys.executable, "-c", "import crosscam; crosscam.rank"), {}),
    "crosscam.load_embedder": (
        (sys.executable, "-c", "import crosscam; crosscam.load_embedder"),
        {},
    ),
}


def seconds(command: Sequence[str], variables: Mapping[str, str]) -> float:
    """How long one process takes."""
    start = time.perf_counter()
    subprocess.run(command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, check=False)
    return time.perf_counter() - start


def main() -> None:
    """Print the least, the median and the most seconds of each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=7)
    times = parser.parse_args().times
    print(f"Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} processors")
    print(*(f"{name} {version(name)}" for name in ("crosscam", "torch", "typer")), sep=", ")
    taken: dict[str, list[float]] = {name: [] for name in CASES}
    for turn in range(times + 1):
        for name, (command, variables) in CASES.items():
            found = seconds(command, variables)
            if turn:
                taken[name].append(found)
    for name, found in taken.items():
        print(f"{name:<32} {min(found):5.2f} {statistics.median(found):5.2f} {max(found):5.2f} s")


if __name__ == "__main__":
    main()
