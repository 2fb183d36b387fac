"""Batch-hard triplet loss (Hermans et al., arXiv 1703.07737)."""

import torch
from torch import Tensor, nn

from crosscam.settings.losses import MARGIN


def batch_hard_triplet(features: Tensor, labels: Tensor, *, margin: float = MARGIN) -> Tensor:
    """Mean over anchors of max(0, margin + furthest positive - nearest negative).

    `features` is (N, D) floating, `labels` (N,) integer; distances are Euclidean and taken in
    float32 or better, also under autocast. An anchor that is alone of its label has itself as
    positive, at a distance of about 0; where all labels are equal there is no negative, and the
    loss is 0. Returns a scalar.
    """
    with torch.autocast(features.device.type, enabled=False):
        distances = _euclidean(features.float() if features.dtype.itemsize < 4 else features)
    same = labels.unsqueeze(0) == labels.unsqueeze(1)
    furthest_positive = distances.masked_fill(~same, 0).amax(dim=1)
    nearest_negative = distances.masked_fill(same, torch.inf).amin(dim=1)
    return (margin + furthest_positive - nearest_negative).clamp(min=0).mean()


class BatchHardTriplet(nn.Module):
    """`batch_hard_triplet` with a margin."""

    def __init__(self, margin: float) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """(N, D) features and (N,) labels to a scalar."""
        return batch_hard_triplet(features, labels, margin=self.margin)


def _euclidean(features: Tensor) -> Tensor:
    squares = features.square().sum(dim=1)
    squared = squares.unsqueeze(0) + squares.unsqueeze(1) - 2 * features @ features.T
    return squared.clamp(min=1e-12).sqrt()  # the root has no gradient at 0
