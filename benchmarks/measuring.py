"""What the benchmarks of ranking share: the machine in words, made-up features, time and memory."""

import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

import crosscam
from crosscam.devices import device_name

CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


class Size(NamedTuple):
    """How many queries and gallery images, of how many people, and how long a feature is."""

    queries: int
    gallery: int
    dim: int
    people: int


MARKET = Size(3_368, 15_913, 2_048, 750)
MSMT = Size(11_659, 82_161, 512, 3_060)


class Features(NamedTuple):
    """Made-up features, (N, D) float32, with pids and camids, in the order that `rank` takes."""

    query_features: NDArray[np.float32]
    gallery_features: NDArray[np.float32]
    query_pids: NDArray[np.int64]
    gallery_pids: NDArray[np.int64]
    query_camids: NDArray[np.int64]
    gallery_camids: NDArray[np.int64]


def make_features(size: Size, *, noise: float, seed: int = 0) -> Features:
    """A direction a person, and noise on each image whose amount differs between images."""
    rng = np.random.default_rng(seed)
    people = rng.standard_normal((size.people, size.dim), dtype=np.float32)
    made = []
    for count in (size.queries, size.gallery):
        pids = rng.integers(0, size.people, count)
        features = rng.standard_normal((count, size.dim), dtype=np.float32)
        features *= noise * np.exp(0.35 * rng.standard_normal((count, 1), dtype=np.float32))
        features += people[pids]
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        made.append((features, pids, rng.integers(0, 6, count)))
    (query, query_pids, query_camids), (gallery, gallery_pids, gallery_camids) = made
    return Features(query, gallery, query_pids, gallery_pids, query_camids, gallery_camids)


def multiply(queries: torch.Tensor, gallery: torch.Tensor) -> None:
    """The product of all pairs, block by block into one buffer, which all else is compared with."""
    height, width = 512, 4096
    buffer = queries.new_empty(height * width)
    for left in range(0, len(gallery), width):
        columns = gallery[left : left + width]
        for first in range(0, len(queries), height):
            rows = queries[first : first + height]
            out = buffer[: len(rows) * len(columns)].view(len(rows), len(columns))
            torch.mm(rows, columns.T, out=out)
    if queries.device.type == "cuda":
        torch.cuda.synchronize()


def seconds(work: Callable[[], object]) -> float:
    """How long a piece of work takes, by the clock."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def added_mebibytes(work: Callable[[], object]) -> float:
    """What a piece of work adds to this process's memory at its peak, in MiB; on Linux alone."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak so far
    before = _status("VmRSS:")
    work()
    return (_status("VmHWM:") - before) / 1024


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1])
    raise SystemExit(f"/proc/self/status has no {field}")


def spread(values: list[float], digits: int = 2) -> str:
    """The median, and least to most."""
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:.{digits}f} ({least:.{digits}f} to {most:.{digits}f})"


def describe_machine(device: torch.device) -> str:
    """The machine and the versions, in a line."""
    return (
        f"{device_name(device)}, {os.cpu_count()} processors, {torch.get_num_threads()} threads, "
        f"{platform.system()}; Python {platform.python_version()}, torch {torch.__version__}, "
        f"NumPy {np.__version__}, crosscam {crosscam.__version__}"
    )
