"""Logits of cosines: what the loss makes of a classifier that normalises features and weights.

Each takes the (N, C) cosines that a model gives, in [-1, 1], the (N,) int64 labels, and how far the
true class is set back; it returns (N, C) logits in float32 or better, also under autocast. A new
one is a function here, a line in `MARGINS`, and its name in `crosscam.settings.head`.
"""

import math
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

from crosscam.losses.pairs import widened

_ALIGNED = 1e-12  # squared sines below it count as it, since a root has no gradient at 0


class Margin(Protocol):
    """A function from cosines to logits."""

    def __call__(self, cosines: Tensor, labels: Tensor, *, scale: float, margin: float) -> Tensor:
        """(N, C) cosines and (N,) labels to (N, C) logits."""


def cosine_logits(cosines: Tensor, labels: Tensor, *, scale: float, margin: float) -> Tensor:
    """Scale * cosine for every class; there is no margin, whatever is given."""
    del labels, margin
    return scale * widened(cosines)


def cosface_logits(cosines: Tensor, labels: Tensor, *, scale: float, margin: float) -> Tensor:
    """Scale * (cosine - margin) for the true class (CosFace; Wang et al., CVPR 2018)."""
    cosines = widened(cosines)
    return scale * torch.where(_is_true(cosines, labels), cosines - margin, cosines)


def arcface_logits(cosines: Tensor, labels: Tensor, *, scale: float, margin: float) -> Tensor:
    """Scale * cos(angle + margin) for the true class (ArcFace; Deng et al., CVPR 2019).

    `margin` is in radians, in [0, pi]. Where angle + margin is beyond pi, where the cosine would
    rise again, it is scale * (cosine - margin * sin(margin)).
    """
    cosines = widened(cosines)
    sines = (1 - cosines.square()).clamp(min=_ALIGNED).sqrt()
    turned = cosines * math.cos(margin) - sines * math.sin(margin)
    lowered = cosines - margin * math.sin(margin)
    set_back = torch.where(cosines > -math.cos(margin), turned, lowered)
    return scale * torch.where(_is_true(cosines, labels), set_back, cosines)


def circle_logits(cosines: Tensor, labels: Tensor, *, scale: float, margin: float) -> Tensor:
    """The circle loss as a classification (Sun et al., CVPR 2020, its class-level labels).

    scale * [1 + margin - s]+ * (s - 1 + margin) for the true class of cosine s, and
    scale * [s + margin]+ * (s - margin) for the others; the brackets have no gradient.
    """
    cosines = widened(cosines)
    seen = cosines.detach()
    true = (1 + margin - seen).clamp(min=0) * (cosines - 1 + margin)
    other = (seen + margin).clamp(min=0) * (cosines - margin)
    return scale * torch.where(_is_true(cosines, labels), true, other)


def _is_true(cosines: Tensor, labels: Tensor) -> Tensor:
    """(N, C) bool: the true class of each image."""
    return labels.unsqueeze(1) == torch.arange(cosines.shape[1], device=cosines.device)


MARGINS: Mapping[str, Margin] = {
    "cosine": cosine_logits,
    "circle": circle_logits,
    "arcface": arcface_logits,
    "cosface": cosface_logits,
}
