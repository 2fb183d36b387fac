"""MLFN, the multi-level factorisation net (Chang et al., CVPR 2018).

Each block holds 32 small modules, the groups of one convolution, and chooses among them for every
image. The choices of all blocks, together, are a feature too, and are averaged with the last map's.
"""

import torch
from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.osnet_parts import initialise
from crosscam.models.pooling import global_average
from crosscam.types import ModelOutput

_GROUPS = 32


class FactorBlock(nn.Module):
    """A bottleneck of 32 factor modules, weighed by a selection, beside a shortcut."""

    def __init__(
        self, in_channels: int, channels: int, *, stride: int, selecting: tuple[int, int]
    ) -> None:
        super().__init__()
        middle = channels // 2
        self.fm_conv1 = nn.Conv2d(in_channels, middle, 1, bias=False)
        self.fm_bn1 = nn.BatchNorm2d(middle)
        self.fm_conv2 = nn.Conv2d(middle, middle, 3, stride, padding=1, groups=_GROUPS, bias=False)
        self.fm_bn2 = nn.BatchNorm2d(middle)
        self.fm_conv3 = nn.Conv2d(middle, channels, 1, bias=False)
        self.fm_bn3 = nn.BatchNorm2d(channels)
        self.fsm = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(in_channels, selecting[0], 1),
            nn.BatchNorm2d(selecting[0]),
            nn.ReLU(inplace=True),
            nn.Conv2d(selecting[0], selecting[1], 1),
            nn.BatchNorm2d(selecting[1]),
            nn.ReLU(inplace=True),
            nn.Conv2d(selecting[1], _GROUPS, 1),
            nn.BatchNorm2d(_GROUPS),
            nn.Sigmoid(),
        )
        self.downsample = None
        if stride > 1 or in_channels != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) to (N, channels, H / stride, W / stride), and the (N, 32, 1, 1) choice."""
        chosen = self.fsm(x)
        y = self.relu(self.fm_bn1(self.fm_conv1(x)))
        y = self.relu(self.fm_bn2(self.fm_conv2(y)))
        y = y * chosen.repeat_interleave(y.shape[1] // _GROUPS, dim=1)
        y = self.relu(self.fm_bn3(self.fm_conv3(y)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(y + shortcut), chosen


class MLFN(ReIDModel):
    """A stem, sixteen blocks, and the mean of two embeddings of 1,024.

    Its map is the last block's; what the blocks chose is no part of it.
    """

    own_end = ("fc_x", "fc_s", "classifier")

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (256, 128)
        self.feature_dim = 1024
        self.map_dim = 2048
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.feature = nn.ModuleList(
            [
                *_group(64, 256, depth=3, stride=1, selecting=(128, 64)),
                *_group(256, 512, depth=4, stride=2, selecting=(256, 128)),
                *_group(512, 1024, depth=6, stride=2, selecting=(512, 128)),
                *_group(1024, 2048, depth=3, stride=2, selecting=(512, 128)),
            ]
        )
        self.fc_x = _embedding(self.map_dim, self.feature_dim)
        self.fc_s = _embedding(_GROUPS * len(self.feature), self.feature_dim)
        self.classifier = nn.Linear(self.feature_dim, num_classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, 1024) features, with logits in training mode."""
        x, choices = self._map_and_choices(images)
        last = self.fc_x(global_average(x)[:, :, None, None])
        features: Tensor = ((last + self.fc_s(torch.cat(choices, dim=1))) / 2).flatten(1)
        if not self.training:
            return features
        return ModelOutput(features, (self.classifier(features),))

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to (N, 2048, H / 32, W / 32)."""
        return self._map_and_choices(images)[0]

    def _map_and_choices(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The last map, and the (N, 32, 1, 1) choice of each block."""
        refuse_unusable(images, name="MLFN", smallest=(32, 32))
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        choices = []
        for block in self.feature:
            x, chosen = block(x)
            choices.append(chosen)
        return x, choices


def mlfn(num_classes: int) -> MLFN:
    """MLFN: 1,024 features, 32.5 M parameters."""
    return MLFN(num_classes)


def _group(
    in_channels: int, channels: int, *, depth: int, stride: int, selecting: tuple[int, int]
) -> list[FactorBlock]:
    first = FactorBlock(in_channels, channels, stride=stride, selecting=selecting)
    others = (
        FactorBlock(channels, channels, stride=1, selecting=selecting) for _ in range(depth - 1)
    )
    return [first, *others]


def _embedding(in_channels: int, dim: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, dim, 1, bias=False), nn.BatchNorm2d(dim), nn.ReLU(inplace=True)
    )
