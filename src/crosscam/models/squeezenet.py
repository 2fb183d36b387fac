"""SqueezeNet (Iandola et al., arXiv:1602.07360), as in the published table.

It is version 1.0 with a BatchNorm after every convolution but the last, and with simple bypass:
every second fire module has a shortcut. Its feature is the score of each training person, so it is
as long as there are people to tell apart. Trained from scratch.
"""

import torch
from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.pooling import global_average
from crosscam.types import ModelOutput


class ConvBlock(nn.Module):
    """Convolution with bias, BatchNorm, ReLU."""

    def __init__(
        self, in_channels: int, channels: int, kernel: int, *, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel, stride, padding)
        self.bn = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H', W')."""
        y: Tensor = self.relu(self.bn(self.conv(x)))
        return y


class Expand(nn.Module):
    """1 x 1 and 3 x 3 convolutions side by side, half of the channels each."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.conv11 = ConvBlock(in_channels, channels // 2, 1)
        self.conv33 = ConvBlock(in_channels, channels // 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H, W)."""
        return torch.cat([self.conv11(x), self.conv33(x)], dim=1)


class Fire(nn.Module):
    """Squeeze to an eighth of the channels that it gives, then expand."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        self.squeeze = ConvBlock(in_channels, channels // 8, 1)
        self.expand = Expand(channels // 8, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H, W)."""
        y: Tensor = self.expand(self.squeeze(x))
        return y


class SqueezeNet(ReIDModel):
    """Eight fire modules, dropout, and a 1 x 1 convolution whose averaged output is the feature.

    Its map is what the fire modules give, before the dropout.
    """

    own_end = ("dropout", "conv10", "relu")
    training_only = ()
    classified_by = "conv10.weight"

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (256, 128)
        self.feature_dim = num_classes
        self.map_dim = 512
        self.maxpool = nn.MaxPool2d(3, stride=2)
        self.conv1 = ConvBlock(3, 96, 7, stride=2, padding=2)
        self.fire2 = Fire(96, 128)
        self.fire3 = Fire(128, 128)
        self.fire4 = Fire(128, 256)
        self.fire5 = Fire(256, 256)
        self.fire6 = Fire(256, 384)
        self.fire7 = Fire(384, 384)
        self.fire8 = Fire(384, 512)
        self.fire9 = Fire(512, 512)
        self.dropout = nn.Dropout(0.5)
        self.conv10 = nn.Conv2d(512, num_classes, 1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, num_classes) features; in training they are the logits too."""
        x = self.dropout(self.forward_map(images))
        features = global_average(self.relu(self.conv10(x)))
        if not self.training:
            return features
        return ModelOutput(features, (features,))

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to (N, 512, h, w), of about a 16th of each side."""
        refuse_unusable(images, name="SqueezeNet", smallest=(31, 31))
        x = self.fire2(self.maxpool(self.conv1(images)))
        x = x + self.fire3(x)
        x = self.maxpool(self.fire4(x))
        x = self.fire6(x + self.fire5(x))
        x = x + self.fire7(x)
        x = self.maxpool(self.fire8(x))
        last: Tensor = x + self.fire9(x)
        return last


def squeezenet(num_classes: int) -> SqueezeNet:
    """SqueezeNet 1.0: the published table's; as many features as classes, 1.1 M parameters."""
    return SqueezeNet(num_classes)
