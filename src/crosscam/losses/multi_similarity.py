"""Multi-similarity loss with its mining of pairs (Wang et al., CVPR 2019)."""

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from torch import Tensor

from crosscam.losses.pairs import cosine_similarities, is_itself, log_sum_exp, same_person
from crosscam.settings.losses import ALPHA, BASE, BETA, MINING_MARGIN

_COPY = 1 - 1e-5  # of a cosine as high as this a positive is the same picture


def multi_similarity(
    features: Tensor,
    labels: Tensor,
    *,
    alpha: float = ALPHA,
    beta: float = BETA,
    base: float = BASE,
    margin: float = MINING_MARGIN,
) -> Tensor:
    """Mean over anchors of log(1 + sum exp(-alpha (s - base))) / alpha over the mined positives.

    To it comes log(1 + sum exp(beta (s - base))) / beta over the mined negatives; s are cosines.
    A negative is mined where its cosine + margin is above that of the furthest positive, a positive
    where its cosine - margin is below that of the nearest negative. Positives of a cosine of
    1 - 1e-5 or more, the anchor itself and its copies, are left out.

    `features` is (N, D) floating, `labels` (N,) integer; cosines are taken in float32 or better,
    also under autocast. An anchor without a positive or without a negative counts as 0, as one does
    of which nothing is mined. Returns a scalar.
    """
    cosines = cosine_similarities(features)
    positive, negative = _mined(cosines.detach(), labels, margin=margin)
    pulled = F.softplus(log_sum_exp(-alpha * (cosines - base), positive)) / alpha
    pushed = F.softplus(log_sum_exp(beta * (cosines - base), negative)) / beta
    return (pulled + pushed).mean()


def _mined(cosines: Tensor, labels: Tensor, *, margin: float) -> tuple[Tensor, Tensor]:
    """Which pairs are mined as positives and as negatives: (N, N) bool each."""
    same = same_person(labels)
    positive = same & ~is_itself(labels) & (cosines < _COPY)
    furthest = cosines.masked_fill(~positive, torch.inf).amin(dim=1, keepdim=True)
    nearest = cosines.masked_fill(same, -torch.inf).amax(dim=1, keepdim=True)
    return positive & (cosines - margin < nearest), ~same & (cosines + margin > furthest)
