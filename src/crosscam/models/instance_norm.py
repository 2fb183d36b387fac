"""Normalisation of some channels by the image, of the others by the batch."""

import torch
from torch import Tensor, nn


class InstanceBatchNorm(nn.Module):
    """Instance normalisation of the first half of the channels, BatchNorm of the rest.

    It is IBN-a (Pan et al., ECCV 2018), with the names of the authors' weights.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.split = channels // 2
        self.IN = nn.InstanceNorm2d(self.split, affine=True)
        self.BN = nn.BatchNorm2d(channels - self.split)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        own, others = x[:, : self.split].contiguous(), x[:, self.split :].contiguous()
        return torch.cat([self.IN(own), self.BN(others)], dim=1)
