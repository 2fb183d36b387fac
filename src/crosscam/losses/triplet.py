"""Batch-hard triplet loss (Hermans et al., arXiv 1703.07737)."""

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from torch import Tensor

from crosscam.losses.pairs import euclidean_distances, normalised, same_person
from crosscam.settings.losses import MARGIN


def batch_hard_triplet(
    features: Tensor,
    labels: Tensor,
    *,
    margin: float = MARGIN,
    soft: bool = False,
    normalise: bool = False,
) -> Tensor:
    """Mean over anchors of max(0, margin + furthest positive - nearest negative).

    `features` is (N, D) floating, `labels` (N,) integer; distances are Euclidean and taken in
    float32 or better, also under autocast. An anchor that is alone of its label has itself as
    positive, at a distance of about 0; where all labels are equal there is no negative, and the
    loss is 0. Returns a scalar.

    `soft` has log(1 + exp(furthest positive - nearest negative)) in the place of the hinge, and
    no margin. `normalise` measures between features at unit length.
    """
    distances = euclidean_distances(normalised(features) if normalise else features)
    same = same_person(labels)
    furthest_positive = distances.masked_fill(~same, 0).amax(dim=1)
    nearest_negative = distances.masked_fill(same, torch.inf).amin(dim=1)
    if soft:
        return F.softplus(furthest_positive - nearest_negative).mean()
    return (margin + furthest_positive - nearest_negative).clamp(min=0).mean()
