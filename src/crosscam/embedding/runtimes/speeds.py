"""How fast networks are on a few images, and how far their features are from one another."""

import math
import statistics
import time
from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor

from crosscam.embedding.network import Network

Name = TypeVar("Name", bound=str)
_IMAGES = 17  # one more than a batch, so that another batch is tried, too
_BATCH = 16
_GRAINS = (4, 16, 64)  # how many spots an image is high


def images_for(size: tuple[int, int]) -> Tensor:
    """(17, 3, height, width) float32 images as a network gets them: noise, coarse and fine."""
    generator = torch.Generator().manual_seed(0)
    images = torch.zeros(_IMAGES, 3, *size)
    for grain in _GRAINS:
        spots = torch.randn(_IMAGES, 3, grain, max(grain // 2, 1), generator=generator)
        images += torch.nn.functional.interpolate(spots, size=size, mode="nearest")
    return images.div_(math.sqrt(len(_GRAINS)))


def measure_speeds(
    networks: Mapping[Name, Network], images: Tensor, *, seconds: float = 0.4
) -> dict[Name, float]:
    """Images a second of each network: the median over batches of 16, after one to warm up.

    They take turns, so that other work on the machine slows all of them, for `seconds` each.
    """
    batch = images[:_BATCH]
    for network in networks.values():
        network(batch, None)
    times: dict[Name, list[float]] = {name: [] for name in networks}
    end = time.perf_counter() + seconds * len(networks)
    while True:
        for name, network in networks.items():
            times[name].append(_seconds_of(network, batch))
        if time.perf_counter() > end:
            break
    return {name: len(batch) / statistics.median(each) for name, each in times.items()}


def largest_distance(features: Tensor, others: Tensor) -> float:
    """The largest cosine distance of (N, D) float32 features to those of others, row by row.

    It is 2, the largest there is, where it cannot be told: lengths of 0, numbers that are not
    finite, another shape.
    """
    if features.shape != others.shape:
        return 2.0
    sides = [torch.nn.functional.normalize(each.double(), eps=0.0) for each in (features, others)]
    distance = float((1 - (sides[0] * sides[1]).sum(1)).max())
    return 2.0 if math.isnan(distance) else distance


def _seconds_of(network: Network, images: Tensor) -> float:
    started = time.perf_counter()
    network(images, None)
    return time.perf_counter() - started
