"""Label-smoothed cross entropy (Szegedy et al., CVPR 2016)."""

import torch.nn.functional as F  # noqa: N812 - the name everyone knows
from torch import Tensor

from crosscam.settings.losses import SMOOTHING


def smoothed_cross_entropy(
    logits: Tensor, labels: Tensor, *, smoothing: float = SMOOTHING
) -> Tensor:
    """Mean cross entropy of (N, C) logits against (N,) int64 labels, softened.

    The target is 1 - smoothing for the true class, plus smoothing / C for each; 0 is the plain
    cross entropy. Returns a scalar in the logits' dtype.
    """
    return F.cross_entropy(logits, labels, label_smoothing=smoothing)
