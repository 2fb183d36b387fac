"""From the settings of a loss to the module that computes it.

A new loss is a file in this folder, its settings in `crosscam.settings.losses`, and a line here.
"""

from collections.abc import Callable
from functools import partial

from torch import Tensor, nn

from crosscam.errors import InputError
from crosscam.losses.center import CenterLoss
from crosscam.losses.circle import circle_loss
from crosscam.losses.contrastive import supervised_contrastive
from crosscam.losses.cross_entropy import smoothed_cross_entropy
from crosscam.losses.multi_similarity import multi_similarity
from crosscam.losses.pairs import widened
from crosscam.losses.triplet import batch_hard_triplet
from crosscam.losses.weighted_triplet import weighted_triplet
from crosscam.settings.losses import (
    Center,
    Circle,
    Contrastive,
    CrossEntropy,
    LossPart,
    MultiSimilarity,
    Triplet,
    WeightedTriplet,
)


class StatelessLoss(nn.Module):
    """A pure function of (N, D) features or (N, C) logits, and (N,) labels, as a module.

    It is computed in float32 or better, also under autocast.
    """

    def __init__(self, compute: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.compute = compute

    def forward(self, values: Tensor, labels: Tensor) -> Tensor:
        """Features or logits, and labels, to a scalar."""
        return self.compute(widened(values), labels)


def create_loss(part: LossPart, *, num_classes: int | None, feature_dim: int | None) -> nn.Module:
    """The module of one loss, without its weight: features or logits, and labels, to a scalar.

    `num_classes` and `feature_dim`, the length of the features that are compared, are what losses
    with parameters of their own need. Raises `InputError` for such a loss without them.
    """
    if isinstance(part, Center):
        if num_classes is None or feature_dim is None:
            raise InputError(
                f"the loss {part.name} keeps a center for each person: give num_classes and "
                "feature_dim, the length of the features that are compared"
            )
        return CenterLoss(num_classes, feature_dim)
    return StatelessLoss(_function(part))


def _function(part: LossPart) -> Callable[[Tensor, Tensor], Tensor]:
    match part:
        case CrossEntropy():
            return partial(smoothed_cross_entropy, smoothing=part.label_smoothing)
        case Triplet():
            return partial(
                batch_hard_triplet, margin=part.margin, soft=part.soft, normalise=part.normalise
            )
        case WeightedTriplet():
            return partial(weighted_triplet, floor=part.floor)
        case Circle():
            return partial(circle_loss, scale=part.scale, margin=part.margin)
        case Contrastive():
            return partial(supervised_contrastive, temperature=part.temperature)
        case MultiSimilarity():
            return partial(
                multi_similarity,
                alpha=part.alpha,
                beta=part.beta,
                base=part.base,
                margin=part.margin,
            )
    raise AssertionError(part)
