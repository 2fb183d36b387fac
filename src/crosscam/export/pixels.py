"""Scaling and normalising as part of a network, for those who hand over pixels."""

import torch
from torch import Tensor, nn

from crosscam.data.transforms import Preprocess


class PixelInput(nn.Module):
    """A network whose input is (N, height, width, 3) uint8 RGB of its own size.

    Resizing stays outside: ONNX has nothing equal to PIL's filter.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, preprocess: Preprocess) -> None:
        super().__init__()
        self.network = network
        mean, std = (torch.tensor(values) for values in (preprocess.mean, preprocess.std))
        self.register_buffer("mean", mean.view(1, 3, 1, 1))
        self.register_buffer("std", std.view(1, 3, 1, 1))

    def forward(self, pixels: Tensor, camids: Tensor | None = None) -> Tensor:
        """(N, height, width, 3) uint8 to what the network makes of them, and of their cameras."""
        images = pixels.permute(0, 3, 1, 2).float() / 255
        normalised = (images - self.mean) / self.std
        given = (normalised,) if camids is None else (normalised, camids)
        features: Tensor = self.network(*given)
        return features
