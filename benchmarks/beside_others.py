"""The same features scored by crosscam and by other systems' own evaluation code.

    python benchmarks/beside_others.py --torchreid DIR --fastreid DIR [--rounds 3]

DIR is a checkout of github.com/KaiyangZhou/deep-person-reid and of github.com/JDAI-CV/fast-reid
with its Cython module built (`python setup.py build_ext --inplace` in `rank_cylib`). Their
`rank.py` is run as it is, with and without that module, on the matrix of squared Euclidean
distances that they rank, which is computed as they do and counts as theirs. The features are made
up, of the size of Market-1501, d = 2048; each system has a process of its own. Prints figures,
seconds and added memory.
"""

import argparse
import importlib
import multiprocessing
import sys
import types
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from measuring import (
    MARKET,
    Features,
    added_mebibytes,
    describe_machine,
    make_features,
    multiply,
    seconds,
    spread,
)

import crosscam

NOISE = 3.0
FOLDERS = {"Torchreid": "torchreid/metrics", "FastReID": "fastreid/evaluation"}


class Figures(NamedTuple):
    """Rank-1, mAP, seconds of each round, MiB."""

    rank1: float
    mAP: float  # noqa: N815 - the field's own spelling
    times: list[float]
    added: float


def score_by_crosscam(features: Features) -> tuple[float, float]:
    """Rank-1 and mAP by crosscam."""
    scores = crosscam.rank(*features)
    return scores.at_rank(1), scores.mAP


def score_by_other(features: Features, module: Any, *, with_cython: bool) -> tuple[float, float]:
    """Rank-1 and mAP by another system, from features as it does it: matrix first."""
    queries, gallery = (torch.from_numpy(array) for array in features[:2])
    shape = len(queries), len(gallery)
    distances = queries.square().sum(dim=1, keepdim=True).expand(*shape)
    distances = distances + gallery.square().sum(dim=1).expand(*shape)
    distances.addmm_(queries, gallery.T, beta=1, alpha=-2)
    result = module.evaluate_rank(distances.numpy(), *features[2:], use_cython=with_cython)
    cmc, precisions = result[0], result[1]
    return float(cmc[0]), float(np.mean(precisions))


def open_module(system: str, checkout: Path) -> Any:
    """The system's `rank.py`, without the rest of it."""
    folder = checkout / FOLDERS[system]
    if not (folder / "rank.py").is_file():
        raise SystemExit(f"{checkout} has no {FOLDERS[system]}/rank.py: is it a checkout of it?")
    package = types.ModuleType("other")
    package.__path__ = [str(folder)]
    sys.modules["other"] = package
    for name in ("torchreid", "torchreid.metrics"):  # under which one of them looks for its Cython
        sys.modules[name] = package
    for name in ("rank_cylib", "rank_cylib.rank_cy"):
        sys.modules[f"torchreid.metrics.{name}"] = importlib.import_module(f"other.{name}")
    return importlib.import_module("other.rank")


def measure(system: str, checkout: Path | None, rounds: int, *, with_cython: bool) -> Figures:
    """Score, time and measure in this process, which should be a new one."""
    warnings.simplefilter("ignore")
    features = make_features(MARKET, noise=NOISE)
    found = []

    def work() -> None:
        if checkout is None:
            found.append(score_by_crosscam(features))
        else:
            found.append(score_by_other(features, module, with_cython=with_cython))

    if checkout is None:
        crosscam.rank(features[0][:99], *features[1:2], features[2][:99], features[3])
    else:
        module = open_module(system, checkout)
    added = added_mebibytes(work)
    times = [seconds(work) for _ in range(rounds)]
    return Figures(*found[-1], times, added)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--torchreid", type=Path, required=True)
    parser.add_argument("--fastreid", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(describe_machine(torch.device("cpu")), "\n")
    queries, gallery = (torch.from_numpy(array) for array in make_features(MARKET, noise=NOISE)[:2])
    product = [seconds(lambda: multiply(queries, gallery)) for _ in range(arguments.rounds)]
    print(f"the product alone: {spread(product)} s\n")
    print("| system | Rank-1 | mAP | seconds | of the product | added, MiB |")
    print("|---|---|---|---|---|---|")
    context = multiprocessing.get_context("spawn")
    for system, checkout, with_cython in (
        ("crosscam", None, False),
        ("Torchreid", arguments.torchreid, True),
        ("Torchreid", arguments.torchreid, False),
        ("FastReID", arguments.fastreid, True),
        ("FastReID", arguments.fastreid, False),
    ):
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            job = pool.submit(measure, system, checkout, arguments.rounds, with_cython=with_cython)
            figures = job.result()
        way = "" if checkout is None else ", Cython" if with_cython else ", Python"
        print(
            f"| {system}{way} | {figures.rank1:.6f} | {figures.mAP:.6f} | "
            f"{spread(figures.times, 1)} | {min(figures.times) / min(product):.1f} | "
            f"{figures.added:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
