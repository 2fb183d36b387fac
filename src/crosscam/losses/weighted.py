"""The loss of a recipe: a weighted sum of named parts, each kept apart for the log."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from crosscam.losses.create import create_loss
from crosscam.losses.margins import MARGINS
from crosscam.settings.head import Head
from crosscam.settings.losses import LossPart
from crosscam.types import ModelOutput


class WeightedLosses(nn.Module):
    """The parts of a recipe's loss; what of them is learned or kept is this module's state.

    A part of a loss is a module from (N, D) features, or from the (N, C) logits of one classifier,
    and (N,) int64 labels to a scalar. Where a model has several classifiers, or branches whose
    features are compared, a part is their mean, or their sum by the shares that the model gives.

    Args:
        parts: the losses, each name once.
        head: the end of the model, if it has another than its own; of the cosines of a classifier
            that normalises, its scale and margin make logits.
        num_classes: how many people are trained on, where a loss learns something of each.
        feature_dim: the length of the features that are compared, where a loss needs it.

    Raises `InputError` for a loss that needs one of the last two and does not get it.
    """

    def __init__(
        self,
        parts: Sequence[LossPart],
        *,
        head: Head | None = None,
        num_classes: int | None = None,
        feature_dim: int | None = None,
    ) -> None:
        super().__init__()
        self.settings = tuple(parts)
        self.head = head
        self.parts = nn.ModuleDict(
            {
                part.name: create_loss(part, num_classes=num_classes, feature_dim=feature_dim)
                for part in parts
            }
        )

    def forward(self, output: ModelOutput, labels: Tensor) -> dict[str, Tensor]:
        """The weighted parts by name; their sum is what training minimises.

        `labels` is (N,) int64, the classes of training, on the device of the output.
        """
        logits = [_logits(one, labels, self.head) for one in output.logits]
        values: dict[str, Tensor] = {}
        for part in self.settings:
            compute = self.parts[part.name]
            if part.on == "features" and not output.compared:
                value = compute(output.features, labels)
            else:
                branches = output.compared if part.on == "features" else logits
                value = _combined([compute(one, labels) for one in branches], output.shares)
            values[part.name] = part.weight * value
        return values


def _logits(given: Tensor, labels: Tensor, head: Head | None) -> Tensor:
    """What a classifier gave as logits, of which it may have given cosines."""
    if head is None or not head.gives_cosines:
        return given
    assert head.scale is not None  # of cosines it always is said
    margin = head.margin or 0.0
    return MARGINS[head.classifier](given, labels, scale=head.scale, margin=margin)


def _combined(values: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    """The mean of the branches' values, or their sum by shares."""
    stacked = torch.stack(list(values))
    if not shares:
        return stacked.mean()
    return (stacked * stacked.new_tensor(shares)).sum()
