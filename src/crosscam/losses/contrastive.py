"""Supervised contrastive loss (Khosla et al., NeurIPS 2020)."""

from torch import Tensor

from crosscam.losses.pairs import cosine_similarities, is_itself, log_sum_exp, same_person
from crosscam.settings.losses import TEMPERATURE


def supervised_contrastive(
    features: Tensor, labels: Tensor, *, temperature: float = TEMPERATURE
) -> Tensor:
    """Mean over anchors of -log of a softmax over the other images, mean over the positives.

    The softmax is one of cosines / temperature, over all images of the batch but the anchor; the
    mean over positives is outside of the logarithm.

    `features` is (N, D) floating, `labels` (N,) integer; cosines are taken in float32 or better,
    also under autocast. An anchor without a positive besides itself counts as 0. Returns a scalar.
    """
    logits = cosine_similarities(features) / temperature
    others = ~is_itself(labels)
    positive = same_person(labels) & others
    log_chances = logits - log_sum_exp(logits, others).unsqueeze(1)
    sums = log_chances.masked_fill(~positive, 0).sum(dim=1)
    return -(sums / positive.sum(dim=1).clamp(min=1)).mean()
