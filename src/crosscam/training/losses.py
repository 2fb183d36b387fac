"""The losses of a training, where they are computed, with what they learn drawn by its seed."""

import numpy as np
import torch

from crosscam.losses.weighted import WeightedLosses
from crosscam.training.prepare import Training

_LOSSES = 6  # a random stream of its own, beside those of the data and of the steps


def training_losses(training: Training) -> WeightedLosses:
    """What the recipe says is minimised, on the device of the training.

    Nothing else's draws depend on what is drawn here.
    """
    seed = np.random.SeedSequence([_LOSSES, training.recipe.seed]).generate_state(1, np.uint64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(seed[0]))
        losses = WeightedLosses(
            training.recipe.losses,
            head=training.recipe.head,
            num_classes=training.model.num_classes,
            feature_dim=training.model.compared_dim,
        )
    return losses.to(training.device)
