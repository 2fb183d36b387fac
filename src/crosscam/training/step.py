"""The work of one step of training: what precision and other processes stand around."""

from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import torch
from torch import Tensor

from crosscam.losses.weighted import WeightedLosses
from crosscam.models.base import ReIDModel, run_model
from crosscam.types import ModelOutput


class LabelledBatch(NamedTuple):
    """A batch on the device that trains, with what each of its N pictures shows.

    `images` is (N, 3, H, W) float32; `camids` is (N,) int64, None where cameras are not known;
    `labels` is (N,) int64, the classes of training.
    """

    images: Tensor
    camids: Tensor | None
    labels: Tensor


def training_step(
    network: ReIDModel,
    losses: WeightedLosses,
    batch: LabelledBatch,
    *,
    precision: AbstractContextManager[Any],
) -> dict[str, Tensor]:
    """Forward, loss, backward: adds the loss's gradients to those that the parameters have.

    The network computes within `precision`, the losses outside of it. Returns the weighted parts of
    the loss by name, scalars on the device, of which nothing was read yet.
    """
    with precision:
        output = run_model(network, batch.images, batch.camids)
    assert isinstance(output, ModelOutput)
    parts = losses(output, batch.labels)
    torch.stack(list(parts.values())).sum().backward()
    return {name: part.detach() for name, part in parts.items()}
