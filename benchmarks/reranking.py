"""How long re-ranking takes beside the bare product of all pairs, and in how much memory.

    python benchmarks/reranking.py [--rounds 5] [--large] [--device cpu]

Re-ranks made-up features (d = 512) of the size of Market-1501 into the whole matrix of distances,
or with `--large` of the size of MSMT17, block by block. Searching for the 21 nearest of all images,
which is most of the work, and expanding the queries are measured too. Each way is done by the
compiled loops and by NumPy and torch alone. In each round the product of all pairs that the way
looks at is timed beside it, block by block into one buffer, with the same threads: the figure is
the ratio. Memory is what is added, at its peak and the result included, to a process of its own
that holds the features.
"""

import argparse
import multiprocessing
import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import torch
from measuring import (
    MARKET,
    MSMT,
    Size,
    added_mebibytes,
    describe_machine,
    make_features,
    multiply,
    seconds,
    spread,
)
from torch import Tensor

import crosscam
from crosscam.ranking.compiling import SWITCH
from crosscam.ranking.expansion import expand_queries
from crosscam.ranking.neighbours import nearest

NOISE = 2.0
SMALL = MARKET._replace(dim=512)


class Measured(NamedTuple):
    """Seconds of each round, and the MiB added."""

    work: list[float]
    product: list[float]
    added: float


def rerank_whole(queries: Tensor, gallery: Tensor) -> None:
    """All distances in one matrix."""
    crosscam.rerank(queries, gallery)


def rerank_in_blocks(queries: Tensor, gallery: Tensor) -> None:
    """The same distances, a few rows at a time."""
    for _ in crosscam.rerank_blocks(queries, gallery):
        pass


def find_nearest(queries: Tensor, gallery: Tensor) -> None:
    """The 21 nearest of all images to each of them."""
    everything = torch.cat([queries, gallery])
    nearest(everything, everything, k=21)


def expand(queries: Tensor, gallery: Tensor) -> None:
    """Alpha query expansion by ten images."""
    expand_queries(queries, gallery, count=10, alpha=3)


WAYS: dict[str, Callable[[Tensor, Tensor], None]] = {
    "rerank": rerank_whole,
    "rerank_blocks": rerank_in_blocks,
    "nearest, k = 21": find_nearest,
    "expand_queries, 10": expand,
}


def measure(way: str, size: Size, rounds: int, device: str, compiled: str) -> Measured:
    """Time and memory in this process, which should be a new one."""
    os.environ[SWITCH] = compiled
    features = make_features(size, noise=NOISE)
    queries, gallery = (torch.from_numpy(array).to(device) for array in features[:2])
    work = WAYS[way]

    def product() -> None:
        if way.startswith("expand"):
            multiply(queries, gallery)
        else:
            everything = torch.cat([queries, gallery])
            multiply(everything, everything)

    work(queries[:99], gallery[:999])  # compile, and warm up
    multiply(queries[:999], gallery[:9999])
    added = added_mebibytes(lambda: work(queries, gallery))
    times = [(seconds(lambda: work(queries, gallery)), seconds(product)) for _ in range(rounds)]
    return Measured([w for w, _ in times], [p for _, p in times], added)


def alone(way: str, size: Size, rounds: int, device: str, compiled: str) -> Measured:
    """`measure` in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measure, way, size, rounds, device, compiled).result()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    print(describe_machine(torch.device(arguments.device)), "\n")
    size = MSMT if arguments.large else SMALL
    ways = ["rerank_blocks"] if arguments.large else list(WAYS)
    loops = {"compiled": "1"} if arguments.large else {"compiled": "1", "NumPy and torch": "0"}
    print("| queries x gallery, d | what | loops | product, s | seconds | ratio | added, MiB |")
    print("|---|---|---|---|---|---|---|")
    for way in ways:
        for name, compiled in loops.items():
            took = alone(way, size, arguments.rounds, arguments.device, compiled)
            ratios = [w / p for w, p in zip(took.work, took.product, strict=True)]
            print(
                f"| {size.queries:,} x {size.gallery:,}, {size.dim} | {way} | {name} | "
                f"{spread(took.product)} | {spread(took.work)} | {spread(ratios)} | "
                f"{took.added:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
