"""A small test with every kind of failure, and the page of it."""

import numpy as np
import torch
from tiny import card, write_image

import crosscam
from crosscam.report.failure_page import write_failures
from crosscam.settings.evaluation import EvaluationSettings
from crosscam.types import Embeddings, ReIDDataset, Sample

HOSTILE = "<img src=x onerror=alert(1)>&quot;'\"`${1}.jpg"
PEOPLE, QUERIES, GALLERY, SPREAD = 12, 60, 240, 0.9


def make_test(folder, *, queries=QUERIES, gallery=GALLERY, cameras=3, names=lambda number: HOSTILE):
    """A data set of noise pictures, and features that find about half of the people at once.

    The first query is of a person who is not in the gallery. Pictures are made for at most 24.
    """
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((PEOPLE + 1, 8))
    paths = [write_image(folder / str(number) / names(number), number) for number in range(24)]
    sides = []
    for count, files in ((queries, paths[:12]), (gallery, paths[12:])):
        pids = 1 + np.arange(count) % PEOPLE
        if not sides:
            pids[0] = 0
        features = (centres[pids] + SPREAD * rng.standard_normal((count, 8))).astype(np.float32)
        camids = None if cameras == 0 else 1 + rng.integers(cameras, size=count)
        each = [None] * count if camids is None else camids.tolist()
        samples = tuple(
            Sample(files[place % 12], pid, camid)
            for place, (pid, camid) in enumerate(zip(pids.tolist(), each, strict=True))
        )
        sides.append((samples, Embeddings(features, pids, camids)))
    (query, ours), (found, theirs) = sides
    return ReIDDataset("noise <b>", (), query, found), (ours, theirs)


def make_card(**changes):
    """The card of a model that never was."""
    return card(crosscam.create_model("mobilenetv2", num_classes=2), metric="euclidean", **changes)


def write_page(folder, test, **options):
    """Write the page of a test to `folder`."""
    dataset, embeddings = test
    settings = options.pop("settings", EvaluationSettings()).resolve(dataset)
    return write_failures(folder, embeddings, dataset, make_card(), settings=settings, **options)


def same(distances):
    """A probability that falls with distance."""
    return torch.sigmoid(torch.from_numpy(2 - distances)).numpy()
