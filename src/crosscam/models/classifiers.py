"""What tells the training people apart at the end of a head."""

import torch
import torch.nn.functional as F  # noqa: N812 - the field's own spelling
from torch import Tensor, nn


def linear_classifier(dim: int, num_classes: int) -> nn.Linear:
    """A linear layer without bias, drawn at a deviation of 0.001 (Luo et al., CVPRW 2019)."""
    classifier = nn.Linear(dim, num_classes, bias=False)
    nn.init.normal_(classifier.weight, std=0.001)
    return classifier


class CosineClassifier(nn.Module):
    """The cosine of the angle between a feature and a vector for each training person.

    The vectors are drawn at a deviation of 0.01, as in FastReID. Their length has no effect on a
    cosine, but on its gradient. Cosines are computed in float32, also under autocast.
    """

    def __init__(self, dim: int, num_classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(num_classes, dim))
        nn.init.normal_(self.weight, std=0.01)

    def forward(self, features: Tensor) -> Tensor:
        """(N, dim) features to (N, num_classes) cosines in [-1, 1], but for rounding."""
        with torch.autocast(features.device.type, enabled=False):
            return F.linear(F.normalize(features.float()), F.normalize(self.weight.float()))
