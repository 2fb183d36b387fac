"""How long the page of what a model gets wrong takes to write, and a browser to show it.

    python benchmarks/failures.py [--repeat 3]

Of two sizes: the built-in people, and as many queries and gallery pictures as Market-1501 has. The
features are drawn at random about a centre a person, so that about three queries in four are right
at rank 1; the pictures are the built-in ones, the larger set repeating them. Times to open and to
filter are those of a headless Chromium, if there is one: from the order to open the page until all
of it is there, and one change of a filter with the counts beside all filters and the new rows.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

import crosscam
from crosscam.report.failure_page import write_failures
from crosscam.settings.evaluation import EvaluationSettings
from crosscam.types import Embeddings, ReIDDataset, Sample
from crosscam.weights.saved import InputCard, ModelCard, TrainingCard

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "tools"))
from chromium import PROGRAM, chromium

SIZES = {"people": (374, 983, 100), "as market1501": (3_368, 15_913, 750)}
CAMERAS, DIM, SPREAD = 6, 512, 0.63
FILTER = """(() => {
  const started = performance.now();
  document.querySelector("input[name=kind][value=near]").click();
  document.body.offsetHeight;
  return performance.now() - started;
})()"""


class Measured(NamedTuple):
    """Seconds to write, pictures, MB, seconds to open, milliseconds to filter."""

    write: float
    pictures: int
    size: float
    opened: float
    filtered: float


def make_test(queries: int, gallery: int, people: int) -> tuple[ReIDDataset, list[Embeddings]]:
    """A data set of repeated pictures, and features of it drawn at random."""
    source = crosscam.load_dataset("people")
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((people, DIM)) / 4
    parts, embeddings = [], []
    for samples, count in ((source.query, queries), (source.gallery, gallery)):
        pids = np.arange(count) % people
        camids = 1 + rng.integers(CAMERAS, size=count)
        features = centres[pids] + SPREAD * rng.standard_normal((count, DIM))
        paths = (samples[place % len(samples)].path for place in range(count))
        labels = zip(paths, pids.tolist(), camids.tolist(), strict=True)
        parts.append(tuple(Sample(*one) for one in labels))
        embeddings.append(Embeddings(features.astype(np.float32), pids, camids))
    return ReIDDataset("benchmark", (), parts[0], parts[1]), embeddings


def make_card() -> ModelCard:
    """A card of no model."""
    return ModelCard(
        crosscam=crosscam.__version__,
        architecture="drawn",
        num_classes=1,
        feature_dim=DIM,
        input=InputCard(height=128, width=64, mean=(0, 0, 0), std=(1, 1, 1)),
        metric="euclidean",
        memory_format="contiguous",
        trained_on=TrainingCard(
            data="none", identities=0, images=0, fingerprint=None, terms="", initial_weights=None
        ),
        licence="",
        recipe={},
        scores={},
        weights_sha256="",
    )


def measure(dataset: ReIDDataset, embeddings: list[Embeddings], folder: Path) -> Measured:
    """Write the page, open it, filter."""
    started = time.monotonic()
    written = write_failures(
        folder,
        (embeddings[0], embeddings[1]),
        dataset,
        make_card(),
        settings=EvaluationSettings().resolve(dataset),
    )
    seconds = time.monotonic() - started
    opened = filtered = float("nan")
    if PROGRAM is not None:
        with chromium() as page:
            started = time.monotonic()
            page.open(written.page)
            opened, filtered = time.monotonic() - started, page.run(FILTER)
    rank1 = written.failures.scores.at_rank(1)
    print(f"  Rank-1 {rank1:.1%}, {len(written.hubs)} hubs", file=sys.stderr)
    return Measured(seconds, written.pictures, written.size / 1e6, opened, filtered)


def main() -> None:
    """Measure each size, and print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{platform.platform()}, {os.cpu_count()} processors, torch {torch.__version__}\n")
    print("| | queries | gallery | pictures | to write, s | MB | to open, s | to filter, ms |")
    print("|---|---|---|---|---|---|---|---|")
    for name, size in SIZES.items():
        test = make_test(*size)
        with tempfile.TemporaryDirectory() as folder:
            runs = [measure(*test, Path(folder, str(number))) for number in range(arguments.repeat)]
        write, _, _, opened, filtered = map(statistics.median, zip(*runs, strict=True))
        print(
            f"| {name} | {size[0]:,} | {size[1]:,} | {runs[0].pictures:,} | {write:.1f} "
            f"| {runs[0].size:.1f} | {opened:.2f} | {filtered:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
