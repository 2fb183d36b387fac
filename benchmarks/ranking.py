"""How long `crosscam.rank` takes beside the bare product of the features, and in how much memory.

    python benchmarks/ranking.py [--rounds 5] [--device cpu] [--growth]

Ranks made-up features of the size of Market-1501 (d = 2048) and MSMT17 (d = 512), by the compiled
loops and by torch's operations, at three amounts of noise: a good model, a middling one, and (by
the compiled loops alone) one near chance, whose wrong images crowd around the positives. In each
round the product of all pairs, block by block into one buffer, is timed beside it with the same
threads: the figure is the ratio. Memory is what ranking adds, at its peak, to a process of its own
that holds the features.

`--growth` ranks 3,368 queries in galleries of 12,500 to 200,000 images, and fits the slope of time
and memory over the size of the gallery, both logarithmic.
"""

import argparse
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np
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

import crosscam
from crosscam.ranking.compiling import SWITCH

MIDDLING = 3.0
NOISES = (2.0, MIDDLING, 6.0)
GALLERIES = (12_500, 25_000, 50_000, 100_000, 200_000)


class Measured(NamedTuple):
    """Seconds of each round, the MiB added, and what the features scored."""

    ranking: list[float]
    product: list[float]
    added: float
    scores: crosscam.Scores


def measure(size: Size, noise: float, rounds: int, device: str, compiled: str) -> Measured:
    """Time and memory in this process, which should be a new one."""
    os.environ[SWITCH] = compiled
    features = make_features(size, noise=noise)
    queries, gallery = (torch.from_numpy(array).to(device) for array in features[:2])
    ranked = []

    def work() -> None:
        ranked.append(crosscam.rank(queries, gallery, *features[2:]))

    crosscam.rank(
        queries[:99],
        gallery[:999],
        *(labels[: 99 + 900 * (n % 2)] for n, labels in enumerate(features[2:])),
    )  # compile, and warm up
    multiply(queries[:999], gallery)
    added = added_mebibytes(work)
    times = [(seconds(work), seconds(lambda: multiply(queries, gallery))) for _ in range(rounds)]
    return Measured([r for r, _ in times], [p for _, p in times], added, ranked[-1])


def alone(size: Size, noise: float, rounds: int, device: str, compiled: str) -> Measured:
    """`measure` in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(measure, size, noise, rounds, device, compiled).result()


def print_sizes(rounds: int, device: str) -> None:
    """A line for each size, noise and way of counting."""
    print("| queries x gallery, d | Rank-1 (mAP) | counted by | product, s | ratio | added, MiB |")
    print("|---|---|---|---|---|---|")
    ways = {"compiled loops": "1", "torch": "0"} if device == "cpu" else {"torch": "0"}
    for size in (MARKET, MSMT):
        for noise in NOISES:
            for way, compiled in ways.items():
                if way == "torch" and noise > MIDDLING and len(ways) > 1:
                    continue  # minutes, of pairs measured one by one
                took = alone(size, noise, rounds, device, compiled)
                ratios = [r / p for r, p in zip(took.ranking, took.product, strict=True)]
                scores = f"{100 * took.scores.at_rank(1):.1f} ({100 * took.scores.mAP:.1f})"
                print(
                    f"| {size.queries:,} x {size.gallery:,}, {size.dim} | {scores} | {way} | "
                    f"{spread(took.product)} | {spread(ratios)} | {took.added:.0f} |",
                    flush=True,
                )


def print_growth(rounds: int, device: str) -> None:
    """A line for each gallery, and the slopes."""
    print("\n| gallery, of 3,368 queries, d = 512 | seconds | ratio | added, MiB |")
    print("|---|---|---|---|")
    times, added = [], []
    for gallery in GALLERIES:
        size = Size(3_368, gallery, 512, gallery // 20)
        took = alone(size, 2.0, rounds, device, "1")
        ratios = [r / p for r, p in zip(took.ranking, took.product, strict=True)]
        print(
            f"| {gallery:,} | {spread(took.ranking)} | {spread(ratios)} | {took.added:.0f} |",
            flush=True,
        )
        times.append(min(took.ranking))
        added.append(max(took.added, 1.0))
    slopes = [np.polyfit(np.log(GALLERIES), np.log(values), 1)[0] for values in (times, added)]
    print(f"\nslope of time {slopes[0]:.2f}, of added memory {slopes[1]:.2f} (1 is linear)")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--growth", action="store_true")
    arguments = parser.parse_args()
    print(describe_machine(torch.device(arguments.device)), "\n")
    if arguments.growth:
        print_growth(arguments.rounds, arguments.device)
    else:
        print_sizes(arguments.rounds, arguments.device)


if __name__ == "__main__":
    main()
