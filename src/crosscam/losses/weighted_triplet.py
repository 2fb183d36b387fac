"""Weighted-regularised triplet loss (Ye et al., TPAMI 2021, whose baseline is AGW)."""

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from torch import Tensor

from crosscam.losses.pairs import COPY, euclidean_distances, is_itself, same_person
from crosscam.settings.losses import FLOOR


def weighted_triplet(features: Tensor, labels: Tensor, *, floor: float = FLOOR) -> Tensor:
    """Mean over anchors of log(1 + exp(distance of positives - distance of negatives)).

    Both distances are weighted means over all of an anchor's positives, itself among them, and all
    of its negatives. The weights are a softmax of the distances, of the negatives' with the sign
    turned, so that hard ones count most: nothing is chosen, and there is no margin.

    `floor` is added to the sums that weights are divided by: to that of exp(d - furthest) over the
    positives, and to that of exp(-d) over the negatives. With the authors' 1e-6 an anchor whose
    negatives are all further away than about 14 hardly weighs them; the paper's formula has 0.

    `features` is (N, D) floating, `labels` (N,) integer; distances are Euclidean, in float32 or
    better, also under autocast. The distance of an anchor without negatives counts as 0, and so
    does that of an anchor alone of its label, to itself. Returns a scalar.
    """
    distances = euclidean_distances(features)
    itself = is_itself(labels)
    distances = distances.masked_fill(itself, COPY**0.5)  # without the rounding of the product
    same = same_person(labels)
    furthest = distances.masked_fill(~same, 0).amax(dim=1, keepdim=True)
    nearest = distances.detach().masked_fill(same, torch.inf).amin(dim=1, keepdim=True)
    positives = _weighted_mean(distances, distances - furthest, same, floor)
    # The floor is one of exp(-d), and the exponentials here are of nearest - d.
    raised = floor * nearest.exp() if floor else floor
    negatives = _weighted_mean(distances, nearest - distances, ~same, raised)
    return F.softplus(positives - negatives).mean()


def _weighted_mean(
    distances: Tensor, exponents: Tensor, where: Tensor, floor: Tensor | float
) -> Tensor:
    """The mean of (N, N) distances `where`, weighted by exponentials, at most 1: (N,)."""
    weights = exponents.masked_fill(~where, -torch.inf).exp()
    sums = weights.sum(dim=1, keepdim=True) + floor
    sums = sums.masked_fill(~where.any(dim=1, keepdim=True), 1)
    return (distances * weights / sums).sum(dim=1)
