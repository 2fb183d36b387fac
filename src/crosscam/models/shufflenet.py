"""ShuffleNet (Zhang et al., CVPR 2018), version 1, as in the published table.

It is the paper's network of width 1 with 3 groups. Trained from scratch.
"""

import torch
from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.pooling import global_average
from crosscam.types import ModelOutput

GROUPS = 3


class Unit(nn.Module):
    """Narrow, shuffle the groups, filter each channel alone, widen; beside a shortcut.

    With stride 1 the input is added; with stride 2 it is averaged, and set before what the
    convolutions give, which are then the remaining channels.
    """

    def __init__(
        self, in_channels: int, channels: int, *, stride: int, narrowing_groups: int
    ) -> None:
        super().__init__()
        narrow = channels // 4
        wide = channels if stride == 1 else channels - in_channels
        self.conv1 = nn.Conv2d(in_channels, narrow, 1, groups=narrowing_groups, bias=False)
        self.bn1 = nn.BatchNorm2d(narrow)
        self.shuffle = nn.ChannelShuffle(GROUPS)
        self.conv2 = nn.Conv2d(
            narrow, narrow, 3, stride=stride, padding=1, groups=narrow, bias=False
        )
        self.bn2 = nn.BatchNorm2d(narrow)
        self.conv3 = nn.Conv2d(narrow, wide, 1, groups=GROUPS, bias=False)
        self.bn3 = nn.BatchNorm2d(wide)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = None if stride == 1 else nn.AvgPool2d(3, stride=stride, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H / stride, W / stride)."""
        y = self.shuffle(self.relu(self.bn1(self.conv1(x))))
        y = self.bn3(self.conv3(self.bn2(self.conv2(y))))
        joined = x + y if self.shortcut is None else torch.cat([self.shortcut(x), y], dim=1)
        z: Tensor = self.relu(joined)
        return z


class ShuffleNet(ReIDModel):
    """Stem, three stages of units, global average; the feature is the average."""

    own_end = ("classifier",)

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (256, 128)
        self.map_dim = self.feature_dim = 960
        self.conv1 = nn.Sequential(
            nn.Conv2d(3, 24, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(24),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.stage2 = _stage(24, 240, depth=4, narrowing_groups=1)
        self.stage3 = _stage(240, 480, depth=8)
        self.stage4 = _stage(480, self.feature_dim, depth=4)
        self.classifier = nn.Linear(self.feature_dim, num_classes)

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, 960) features, with logits in training mode."""
        features = global_average(self.forward_map(images))
        if not self.training:
            return features
        return ModelOutput(features, (self.classifier(features),))

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to (N, 960, H / 32, W / 32)."""
        refuse_unusable(images, name="ShuffleNet", smallest=(32, 32))
        last: Tensor = self.stage4(self.stage3(self.stage2(self.conv1(images))))
        return last


def shufflenet(num_classes: int) -> ShuffleNet:
    """ShuffleNet v1: the published table's; 960 features, 0.9 M parameters."""
    return ShuffleNet(num_classes)


def _stage(
    in_channels: int, channels: int, *, depth: int, narrowing_groups: int = GROUPS
) -> nn.Sequential:
    first = Unit(in_channels, channels, stride=2, narrowing_groups=narrowing_groups)
    others = (Unit(channels, channels, stride=1, narrowing_groups=GROUPS) for _ in range(depth - 1))
    return nn.Sequential(first, *others)
