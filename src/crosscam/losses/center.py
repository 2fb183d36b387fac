"""Center loss (Wen et al., ECCV 2016), in the form of Luo et al. (CVPRW 2019)."""

import torch
from torch import Tensor, nn

from crosscam.errors import InputError
from crosscam.losses.pairs import widened

NEAREST, FURTHEST = 1e-12, 1e12


def center_loss(features: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
    """Mean squared Euclidean distance of features to the centers of their people.

    `features` is (N, D) floating, `labels` (N,) int64 in [0, K), `centers` (K, D) floating. Each
    squared distance is held between 1e-12 and 1e12, and beyond them has no gradient; it is taken in
    float32 or better. Returns a scalar.
    """
    squared = (widened(features) - widened(centers)[labels]).square().sum(dim=1)
    return squared.clamp(min=NEAREST, max=FURTHEST).mean()


class CenterLoss(nn.Module):
    """`center_loss` to centers that are learned: a parameter (num_classes, feature_dim).

    They are drawn from the standard normal distribution, by torch's generator as it stands.
    """

    def __init__(self, num_classes: int, feature_dim: int) -> None:
        super().__init__()
        self.centers = nn.Parameter(torch.randn(num_classes, feature_dim))

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        """(N, D) features and (N,) labels to a scalar; `InputError` for another D."""
        if features.shape[1] != self.centers.shape[1]:
            raise InputError(
                f"the center loss has centers of length {self.centers.shape[1]}, and this model "
                f"compares features of length {features.shape[1]}; leave the center loss out"
            )
        return center_loss(features, labels, self.centers)
