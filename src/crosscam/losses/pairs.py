"""What losses over the pairs of a batch share: how alike its images are, and who is who."""

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from torch import Tensor

COPY = 1e-12  # squared distances below it count as it, since a root has no gradient at 0


def widened(values: Tensor) -> Tensor:
    """Floating values in float32, or as they are where they are float64."""
    return values.float() if values.dtype.itemsize < 4 else values


def euclidean_distances(features: Tensor) -> Tensor:
    """The Euclidean distances of (N, D) features: (N, N), 1e-6 or more.

    They are taken in float32 or better, also under autocast.
    """
    with torch.autocast(features.device.type, enabled=False):
        features = widened(features)
        squares = features.square().sum(dim=1)
        squared = squares.unsqueeze(0) + squares.unsqueeze(1) - 2 * features @ features.T
        return squared.clamp(min=COPY).sqrt()


def cosine_similarities(features: Tensor) -> Tensor:
    """The cosines between (N, D) features: (N, N) in [-1, 1], but for rounding.

    They are taken in float32 or better, also under autocast. A feature of zeros is at 0 to all.
    """
    with torch.autocast(features.device.type, enabled=False):
        unit = normalised(features)
        return unit @ unit.T


def normalised(features: Tensor) -> Tensor:
    """(N, D) features at unit length, in float32 or better; zeros stay zeros."""
    return F.normalize(widened(features), dim=1)


def same_person(labels: Tensor) -> Tensor:
    """Which of (N,) labels are equal: (N, N) bool, an image and itself too."""
    return labels.unsqueeze(0) == labels.unsqueeze(1)


def is_itself(labels: Tensor) -> Tensor:
    """The diagonal of the pairs of (N,) labels: (N, N) bool."""
    return torch.eye(len(labels), dtype=torch.bool, device=labels.device)


def log_sum_exp(values: Tensor, where: Tensor) -> Tensor:
    """The logarithm of the sum of exponentials of (N, M) values `where`: (N,).

    A row with none is far below all others, but finite, and so is its gradient: 0.
    """
    lowest = torch.finfo(values.dtype).min / 4  # sums of two are finite, too
    return torch.logsumexp(values.masked_fill(~where, lowest), dim=1)
