"""The loss of a recipe: a weighted sum of named parts, each kept apart for the log."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from crosscam.losses.cross_entropy import SmoothedCrossEntropy
from crosscam.losses.triplet import BatchHardTriplet
from crosscam.settings.losses import CrossEntropy, LossPart
from crosscam.types import ModelOutput


class WeightedLosses(nn.Module):
    """The parts of a recipe's loss; what of them is learned or kept is this module's state.

    A part of a loss is a module from (N, D) features, or from the (N, C) logits of one classifier,
    and (N,) int64 labels to a scalar. Where a model has several classifiers, or branches whose
    features are compared, a part is their mean, or their sum by the shares that the model gives.
    """

    def __init__(self, parts: Sequence[LossPart]) -> None:
        super().__init__()
        self.settings = tuple(parts)
        self.parts = nn.ModuleDict({part.name: _create(part) for part in parts})

    def forward(self, output: ModelOutput, labels: Tensor) -> dict[str, Tensor]:
        """The weighted parts by name; their sum is what training minimises.

        `labels` is (N,) int64, the classes of training, on the device of the output.
        """
        values: dict[str, Tensor] = {}
        for part in self.settings:
            compute = self.parts[part.name]
            if part.on == "features" and not output.compared:
                value = compute(output.features, labels)
            else:
                branches = output.compared if part.on == "features" else output.logits
                value = _combined([compute(one, labels) for one in branches], output.shares)
            values[part.name] = part.weight * value
        return values


def _combined(values: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """The mean of the branches' values, or their sum by shares."""
    stacked = torch.stack(list(values))
    if not shares:
        return stacked.mean()
    return (stacked * stacked.new_tensor(shares)).sum()


def _create(part: LossPart) -> nn.Module:
    """A new loss is a file here, its settings in `crosscam.settings.losses`, and a line here."""
    if isinstance(part, CrossEntropy):
        return SmoothedCrossEntropy(part.label_smoothing)
    return BatchHardTriplet(part.margin)
