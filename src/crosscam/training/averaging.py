"""A moving average of the weights, which often recognises people better than the last ones.

Every step moves it by a share 1 - decay towards the weights (Polyak and Juditsky, 1992, and the
"mean teacher" of Tarvainen and Valpola, NeurIPS 2017).
"""

import copy
from typing import Any

import torch
from torch import Tensor

from crosscam.models.base import ReIDModel


def decay_after(updates: int, *, decay: float) -> float:
    """How much of the average stays at the next update, after so many.

    From 0.1 on it rises to `decay`, as (1 + updates) / (10 + updates), which is TensorFlow's
    `ExponentialMovingAverage(num_updates=...)`: the average then begins with the weights that were
    learned, not with those that were drawn.
    """
    return min(decay, (1 + updates) / (10 + updates))


class WeightAverage:
    """The average of a model's weights over training, as a model of its own in eval mode.

    BatchNorm's means and variances are averaged as the parameters are, so that they are those of
    the weights that they go with; what is not floating point, such as its count of batches, is that
    of the last step.
    """

    def __init__(self, model: ReIDModel, *, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: ReIDModel) -> None:
        """Move the average towards the weights of `model`, of which it was made."""
        share = 1 - decay_after(self.updates, decay=self.decay)
        theirs = model.state_dict()
        averages: list[Tensor] = []
        values: list[Tensor] = []
        for name, average in self.model.state_dict().items():
            if average.is_floating_point():
                averages.append(average)
                values.append(theirs[name])
            else:
                average.copy_(theirs[name])
        torch._foreach_lerp_(averages, values, share)
        self.updates += 1

    def state_dict(self) -> dict[str, Any]:
        """What has to be kept to go on with it."""
        return {"model": self.model.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on with what `state_dict` gave."""
        self.model.load_state_dict(state["model"])
        self.updates = int(state["updates"])
