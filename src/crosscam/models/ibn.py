"""Instance normalisation inside networks: over each image alone, which takes its looks off it.

What tells people apart should not be what tells cameras apart (IBN-Net; Pan et al., ECCV 2018).
"""

import torch
from torch import Tensor, nn


class InstanceBatchNorm(nn.Module):
    """The first half of the channels is normalised over each image alone, the rest over the batch.

    IBN-Net's form a, under the names of its published networks.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels_alone = channels // 2
        self.IN = affine_instance_norm(self.channels_alone)
        self.BN = nn.BatchNorm2d(channels - self.channels_alone)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to the same shape."""
        alone = self.IN(x[:, : self.channels_alone].contiguous())
        together = self.BN(x[:, self.channels_alone :].contiguous())
        return torch.cat((alone, together), dim=1)


def affine_instance_norm(channels: int) -> nn.InstanceNorm2d:
    """The normalisation of each image alone, with a learned scale and shift for each channel."""
    return nn.InstanceNorm2d(channels, affine=True)
