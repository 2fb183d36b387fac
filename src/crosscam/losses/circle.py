"""Circle loss of pairs (Sun et al., CVPR 2020)."""

import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from torch import Tensor

from crosscam.losses.pairs import cosine_similarities, is_itself, log_sum_exp, same_person
from crosscam.settings.losses import CIRCLE_MARGIN, CIRCLE_SCALE


def circle_loss(
    features: Tensor, labels: Tensor, *, scale: float = CIRCLE_SCALE, margin: float = CIRCLE_MARGIN
) -> Tensor:
    """Mean over anchors of log(1 + sum of exp over negatives * sum of exp over positives).

    Of a positive at cosine s the exponent is scale * [1 + margin - s]+ * (1 - margin - s), of a
    negative scale * [s + margin]+ * (s - margin); the brackets weigh a pair by how far it is from
    where it should be, and have no gradient.

    `features` is (N, D) floating, `labels` (N,) integer; cosines are taken in float32 or better,
    also under autocast. An anchor without a positive besides itself, or without a negative, counts
    as 0. Returns a scalar.
    """
    cosines = cosine_similarities(features)
    same, itself = same_person(labels), is_itself(labels)
    seen = cosines.detach()
    positive = scale * (1 + margin - seen).clamp(min=0) * (1 - margin - cosines)
    negative = scale * (seen + margin).clamp(min=0) * (cosines - margin)
    both = log_sum_exp(positive, same & ~itself) + log_sum_exp(negative, ~same)
    return F.softplus(both).mean()
