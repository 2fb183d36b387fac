"""How fast `crosscam data check` opens many images, and in how much memory.

    python benchmarks/data_check.py [--images 10000 100000] [--jobs 2]

Makes folders of small JPEG files of seeded noise, laid out like Market-1501, with a broken file in
the middle, and checks each in a process of its own. Prints images a second, of the clock and of
processors' time (which other work on the machine disturbs less), and the peak memory of
the main process and of all processes: resident, and proportional (what is shared is counted once),
read from /proc a few times a second, so on Linux alone.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import PIL
from PIL import Image

import crosscam

FOLDERS = ("bounding_box_train", "query", "bounding_box_test")
TEST_SHARE = 5


class Measured(NamedTuple):
    """What one check took, in seconds, seconds of processors, and MiB."""

    seconds: float
    processor_seconds: float
    main_resident: float
    all_proportional: float


def write_images(root: Path, count: int) -> None:
    """`count` pictures of 16 x 32 pixels, most to train on, the one in the middle cut short."""
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        is_test = number % TEST_SHARE == 0
        folder = FOLDERS[1 + number // TEST_SHARE % 2] if is_test else FOLDERS[0]
        pid = 1 + number // 20 * 2 + is_test
        name = f"{pid:05}_c{1 + number % 6}s1_{number:06}_00.jpg"
        coarse = Image.fromarray(rng.integers(0, 256, (8, 4, 3), dtype=np.uint8))
        path = root / folder / name
        coarse.resize((16, 32), Image.Resampling.BICUBIC).save(path, quality=90)
        if number == count // 2:
            path.write_bytes(path.read_bytes()[:200])


def proportional(pid: int) -> float:
    """The memory of a process in MiB, shared pages divided among those who share them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def measure(root: Path, jobs: int, result: Path) -> Measured:
    """Check the tree in a process, watching its memory."""
    command = [sys.executable, "-m", "crosscam", "data", "check", "market1501"]
    options = ["--root", str(root), "--jobs", str(jobs), "--json", str(result)]
    started, before = time.monotonic(), processor_seconds()
    peak_main = peak_all = 0.0
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            peak = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
            peak_main = max([peak_main, *(int(size) / 1024 for size in peak)])
            task = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            children = task.read_text(encoding="ascii").split() if task.exists() else []
            total = sum(proportional(pid) for pid in (process.pid, *map(int, children)))
            peak_all = max(peak_all, total)
            time.sleep(0.3)
    seconds = time.monotonic() - started
    if process.returncode != 1:
        raise SystemExit(f"the check ended with {process.returncode}, and not with a fault found")
    return Measured(seconds, processor_seconds() - before, peak_main, peak_all)


def processor_seconds() -> float:
    """How long processors worked for the processes that this one started, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Make the trees, check them, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    versions = f"crosscam {crosscam.__version__}, Pillow {PIL.__version__}, NumPy {np.__version__}"
    print(f"{platform.platform()}, {os.cpu_count()} processors, {platform.python_version()}")
    print(f"{versions}, {arguments.jobs} jobs\n")
    print("| images | seconds | a second | a processor second | main, MiB | all, MiB | corrupt |")
    print("|---|---|---|---|---|---|---|")
    for count in arguments.images:
        with tempfile.TemporaryDirectory() as folder:
            root, result = Path(folder, "data"), Path(folder, "result.json")
            write_images(root, count)
            for _ in range(arguments.repeat):
                took = measure(root, arguments.jobs, result)
                findings = json.loads(result.read_text(encoding="utf-8"))["findings"]
                corrupt = sum(finding["kind"] == "corrupt" for finding in findings)
                speed = f"{count / took.seconds:,.0f} | {count / took.processor_seconds:,.0f}"
                memory = f"{took.main_resident:.0f} | {took.all_proportional:.0f}"
                print(
                    f"| {count:,} | {took.seconds:.1f} | {speed} | {memory} | {corrupt} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
