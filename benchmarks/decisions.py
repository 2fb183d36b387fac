"""How long intervals, error rates and comparisons take at the size of real tests.

    python benchmarks/decisions.py [--rounds 3]

Made-up features of the size of Market-1501 (d = 2048) and MSMT17 (d = 512). The product of all
pairs is timed beside each piece of work, with the same threads; the figure is the ratio. Memory is
what the work adds at its peak.
"""

import argparse

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
from crosscam.evaluation.camera_pairs import camera_pairs
from crosscam.evaluation.compare import compare
from crosscam.evaluation.record import TestRecord
from crosscam.ranking.ranked import rank_gallery
from crosscam.types import Embeddings, Scores

NOISE = 3.0


def record_of(scores: Scores, pids: np.ndarray, images: tuple[str, ...]) -> TestRecord:
    """The test of made-up features, query by query."""
    precisions = tuple(None if np.isnan(v) else float(v) for v in scores.average_precisions)
    return TestRecord(
        crosscam=crosscam.__version__,
        model="none",
        weights_sha256="none",
        data="made up",
        data_fingerprint="none",
        metric="euclidean",
        settings={},
        images=images,
        pids=tuple(pids.tolist()),
        camids=None,
        figures={"mAP": precisions},
    )


def print_size(size: Size, rounds: int) -> None:
    """A line for each piece of work."""
    features = make_features(size, noise=NOISE)
    query = Embeddings(features.query_features, features.query_pids, features.query_camids)
    gallery = Embeddings(features.gallery_features, features.gallery_pids, features.gallery_camids)
    scores = crosscam.rank(*features)
    images = tuple(map(str, range(size.queries)))
    record = record_of(scores, query.pids, images)
    ranking = rank_gallery(query, gallery, metric="euclidean")
    pairs = crosscam.pair_histogram(query, gallery, metric="euclidean")
    works = {
        "intervals of five figures": lambda: crosscam.confidence_intervals(scores, query.pids),
        "comparison of two runs": lambda: compare(record, record),
        "the ranking, which all else reads": lambda: rank_gallery(
            query, gallery, metric="euclidean"
        ),
        "all pairs, counted": lambda: crosscam.pair_histogram(query, gallery, metric="euclidean"),
        "ROC, EER, their intervals": lambda: crosscam.verification(pairs),
        "open set, five draws": lambda: crosscam.open_set(
            query, gallery, metric="euclidean", ranking=ranking
        ),
        "pairs of cameras": lambda: camera_pairs(query, gallery, ranking),
    }
    tensors = torch.from_numpy(query.features), torch.from_numpy(gallery.features)
    for name, work in works.items():
        added = added_mebibytes(work)
        both = [(seconds(work), seconds(lambda: multiply(*tensors))) for _ in range(rounds)]
        took, ratio = [one for one, _ in both], [one / other for one, other in both]
        print(
            f"| {size.queries:,} x {size.gallery:,}, {size.dim} | {name} | {spread(took)} | "
            f"{spread(ratio)} | {added:.0f} |",
            flush=True,
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    print(describe_machine(torch.device("cpu")) + f"; {chosen.rounds} rounds\n")
    print("| queries x gallery, d | work | seconds | times the product | added, MiB |")
    print("|---|---|---|---|---|")
    for size in (MARKET, MSMT):
        print_size(size, chosen.rounds)


if __name__ == "__main__":
    main()
