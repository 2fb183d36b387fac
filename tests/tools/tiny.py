"""Small data sets and recipes for tests, made of noise."""

from pathlib import Path

import numpy as np
from PIL import Image

from crosscam.weights.saved import InputCard, ModelCard, TrainingCard

TINY = (
    "input.height=64",
    "input.width=32",
    "batch.size=8",
    "schedule.epochs=2",
    "schedule.milestones=[1]",
    "workers=0",
    "compute.threads=1",
)


def write_image(path, seed=0, size=(16, 32)):
    """A noise picture at `path`, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, quality=90)
    return path


def write_market(root, *, people=6, cameras=2, each=2, by_hand=0):
    """A data set laid out like Market-1501 below `root`, with other people to test on.

    `by_hand` images of each person and camera, training people included, are in `gt_bbox`.
    """
    root = Path(root)
    seed = 0
    for pid in range(1, 2 * people + 1):
        for camid in range(1, cameras + 1):
            for shot in range(each):
                seed += 1
                test = "query" if shot == 0 else "bounding_box_test"
                folder = "bounding_box_train" if pid <= people else test
                write_image(root / folder / f"{pid:04}_c{camid}s1_{seed:06}_00.jpg", seed)
            for shot in range(by_hand):
                name = f"{pid:04}_c{camid}s1_{shot:06}_01.jpg"
                write_image(root / "gt_bbox" / name, 10_000 * pid + 100 * camid + shot)
    return root


def write_coloured(root, *, people=24, cameras=2, each=2):
    """A data set laid out like Market-1501 below `root`, of people whom colours tell apart.

    Every person has two colours, above and below, which each picture shows with other noise.
    """
    root = Path(root)
    seed = 0
    for pid in range(1, 2 * people + 1):
        colours = np.random.default_rng([1, pid]).integers(0, 256, (2, 1, 1, 3))
        for camid in range(1, cameras + 1):
            for shot in range(each):
                seed += 1
                test = "query" if shot == 0 else "bounding_box_test"
                folder = "bounding_box_train" if pid <= people else test
                path = root / folder / f"{pid:04}_c{camid}s1_{seed:06}_00.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                noise = np.random.default_rng([2, seed]).normal(0, 40, (2, 16, 16, 3))
                pixels = np.clip(colours + noise, 0, 255).astype(np.uint8).reshape(32, 16, 3)
                Image.fromarray(pixels).save(path, quality=90)
    return root


def write_people(root, *, people=6, each=4, names="{person}/{shot:03}.jpg"):
    """Own pictures below `root`: named by person and shot, one folder a person if not told."""
    root = Path(root)
    for person in range(1, people + 1):
        for shot in range(each):
            write_image(root / names.format(person=person, shot=shot), 100 * person + shot)
    return root


def card(model, **changes):
    """A model's card, for saving."""
    content = {
        "crosscam": "0",
        "architecture": "resnet18",
        "num_classes": model.num_classes,
        "feature_dim": model.feature_dim,
        "input": InputCard(height=64, width=32, mean=(0.4, 0.5, 0.6), std=(0.1, 0.2, 0.3)),
        "metric": "cosine",
        "memory_format": "contiguous",
        "trained_on": TrainingCard(
            data="noise",
            identities=1,
            images=1,
            fingerprint="0",
            terms="none",
            initial_weights="random",
        ),
        "licence": "none",
        "recipe": {},
        "scores": {},
        "weights_sha256": "0",
    }
    return ModelCard(**{**content, **changes})
