"""How fast `crosscam embed` goes through a folder of small crops, and in how much memory.

    python benchmarks/embed_folder.py [--images 10000 100000] [--architecture lightres]
        [--input HEIGHT WIDTH]

Makes folders of JPEG files of 64 x 128 pixels of seeded noise, one folder for each thousand, and
embeds each in a process of its own, with a network of random weights. Prints pictures a second and
the peak memory of the main process and of all processes; what these are, and that they are read on
Linux alone, `data_check.py` says.
"""

import argparse
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
import torch
from data_check import proportional
from PIL import Image

import crosscam
from crosscam.devices import device_name
from crosscam.weights.saved import InputCard, ModelCard, TrainingCard, save_card, save_weights

DISTINCT = 500  # pictures; decoding takes as long when they come again


class Measured(NamedTuple):
    """What embedding a folder took, in seconds, seconds of processors, and MiB."""

    seconds: float
    processor_seconds: float
    main_resident: float
    all_proportional: float


def write_crops(root: Path, count: int) -> None:
    """`count` pictures of 64 x 128 pixels in folders of a thousand."""
    rng = np.random.default_rng(0)
    files = []
    for number in range(min(DISTINCT, count)):
        coarse = Image.fromarray(rng.integers(0, 256, (16, 8, 3), dtype=np.uint8))
        picture = root / f"picture{number}.jpg"
        coarse.resize((64, 128), Image.Resampling.BICUBIC).save(picture, quality=90)
        files.append(picture.read_bytes())
        picture.unlink()
    for number in range(count):
        folder = root / f"{number // 1000:05}"
        folder.mkdir(exist_ok=True)
        name = f"{number // 8:06}_{number % 6}_{number:07}.jpg"
        (folder / name).write_bytes(files[number % len(files)])


def save_model(folder: Path, architecture: str, size: tuple[int, int] | None) -> None:
    """A saved model of random weights, for inputs of the size that it was designed for if None."""
    folder.mkdir()
    torch.manual_seed(0)
    model = crosscam.create_model(architecture, num_classes=2)
    height, width = size or model.input_size
    card = ModelCard(
        crosscam=crosscam.__version__,
        architecture=architecture,
        num_classes=2,
        feature_dim=model.feature_dim,
        input=InputCard(height=height, width=width, mean=(0.5,) * 3, std=(0.25,) * 3),
        metric="cosine",
        memory_format="contiguous",
        trained_on=TrainingCard(
            data="nothing",
            identities=None,
            images=None,
            fingerprint=None,
            terms="none",
            initial_weights="random",
        ),
        licence="none",
        recipe={},
        scores={},
        weights_sha256=save_weights(folder, model),
    )
    save_card(folder, card)


def measure(folder: Path, options: list[str]) -> Measured:
    """Embed the crops in a process, watching its memory."""
    command = [sys.executable, "-m", "crosscam", "embed", "crops", "--model", "model", "--force"]
    given = ["--out", "features.parquet", "--pattern", "*/{pid}_{camid}_*.jpg", *options]
    started, before = time.monotonic(), processor_seconds()
    peak_main = peak_all = 0.0
    with subprocess.Popen([*command, *given], cwd=folder, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            peak = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
            peak_main = max([peak_main, *(int(size) / 1024 for size in peak)])
            task = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            children = task.read_text(encoding="ascii").split() if task.exists() else []
            total = sum(proportional(pid) for pid in (process.pid, *map(int, children)))
            peak_all = max(peak_all, total)
            time.sleep(0.3)
    if process.returncode:
        raise SystemExit(f"crosscam embed ended with {process.returncode}")
    seconds = time.monotonic() - started
    return Measured(seconds, processor_seconds() - before, peak_main, peak_all)


def processor_seconds() -> float:
    """How long processors worked for the processes that this one started, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Make the folders, embed them, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--architecture", default="lightres")
    parser.add_argument("--input", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("options", nargs="*", help="further options of crosscam embed, behind --")
    arguments = parser.parse_args()
    print(f"{platform.platform()}, {device_name(torch.device('cpu'))}, {os.cpu_count()} processors")
    print(f"crosscam {crosscam.__version__}, torch {torch.__version__}, {arguments.architecture}")
    height_width = " x ".join(map(str, arguments.input or ("its own size",)))
    print(f"input {height_width}, {arguments.workers} workers {' '.join(arguments.options)}\n")
    print("| pictures | seconds | a second | a processor second | main, MiB | all, MiB |")
    print("|---|---|---|---|---|---|")
    for count in arguments.images:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "crops").mkdir()
            write_crops(folder / "crops", count)
            size = tuple(arguments.input) if arguments.input else None
            save_model(folder / "model", arguments.architecture, size)
            took = measure(folder, ["--workers", str(arguments.workers), *arguments.options])
            speed = f"{count / took.seconds:,.0f} | {count / took.processor_seconds:,.0f}"
            memory = f"{took.main_resident:.0f} | {took.all_proportional:.0f}"
            print(f"| {count:,} | {took.seconds:.1f} | {speed} | {memory} |", flush=True)


if __name__ == "__main__":
    main()
