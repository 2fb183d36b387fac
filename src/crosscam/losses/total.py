"""The loss of a recipe: a weighted sum, each part kept for the log."""

from dataclasses import dataclass

import torch
from torch import Tensor

from crosscam.losses.cross_entropy import smoothed_cross_entropy
from crosscam.losses.triplet import batch_hard_triplet
from crosscam.types import ModelOutput


@dataclass(frozen=True)
class LossWeights:
    """How much each part counts; a part of weight 0 is not computed.

    `xent` weighs label-smoothed cross entropy, the mean over a model's classifiers; `triplet`
    weighs the batch-hard triplet loss on its features.
    """

    xent: float = 1.0
    label_smoothing: float = 0.1
    triplet: float = 0.0
    margin: float = 0.3


def loss_parts(output: ModelOutput, labels: Tensor, weights: LossWeights) -> dict[str, Tensor]:
    """The parts of the loss by name, weighted; their sum is what training minimises.

    `labels` is (N,) int64, the classes of training, on the device of the output.
    """
    parts = {}
    if weights.xent:
        each = [
            smoothed_cross_entropy(logits.float(), labels, smoothing=weights.label_smoothing)
            for logits in output.logits
        ]
        parts["xent"] = weights.xent * torch.stack(each).mean()
    if weights.triplet:
        triplet = batch_hard_triplet(output.features, labels, margin=weights.margin)
        parts["triplet"] = weights.triplet * triplet
    return parts
