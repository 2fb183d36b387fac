"""DenseNet-121 (Huang et al., CVPR 2017), as in the published table.

Its layers, names and initialisation are torchvision's. The feature differs: it is the average of
the last normalisation's output as it is, without the ReLU that torchvision has in between.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.pooling import global_average
from crosscam.types import ModelOutput


class DenseLayer(nn.Module):
    """1 x 1 and 3 x 3 convolutions, each after BatchNorm and ReLU; its input is kept."""

    def __init__(self, in_channels: int, growth: int) -> None:
        super().__init__()
        narrow = 4 * growth
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, narrow, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(narrow)
        self.conv2 = nn.Conv2d(narrow, growth, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C + growth, H, W): the input's channels, then the new ones."""
        y = self.conv1(self.relu(self.norm1(x)))
        y = self.conv2(self.relu(self.norm2(y)))
        return torch.cat((x, y), dim=1)


class DenseNet121(ReIDModel):
    """Stem, four dense blocks with transitions between them, BatchNorm, global average.

    Its map is the BatchNorm's, as it is, with negative values.
    """

    own_end = ("classifier",)
    former_names = (
        (r"^base\.", "features."),
        (r"(\.denselayer\d+\.(?:norm|conv))\.(\d)\.", r"\1\2."),
    )

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (256, 128)
        self.map_dim = self.feature_dim = 1024
        self.features = nn.Sequential(
            OrderedDict(
                conv0=nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False),
                norm0=nn.BatchNorm2d(64),
                relu0=nn.ReLU(inplace=True),
                pool0=nn.MaxPool2d(3, stride=2, padding=1),
                denseblock1=_dense_block(64, depth=6, growth=32),
                transition1=_transition(256, 128),
                denseblock2=_dense_block(128, depth=12, growth=32),
                transition2=_transition(512, 256),
                denseblock3=_dense_block(256, depth=24, growth=32),
                transition3=_transition(1024, 512),
                denseblock4=_dense_block(512, depth=16, growth=32),
                norm5=nn.BatchNorm2d(self.feature_dim),
            )
        )
        self.classifier = nn.Linear(self.feature_dim, num_classes)
        _initialise(self)

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, 1024) features, with logits in training mode."""
        features = global_average(self.forward_map(images))
        if not self.training:
            return features
        return ModelOutput(features, (self.classifier(features),))

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to (N, 1024, H / 32, W / 32)."""
        refuse_unusable(images, name="DenseNet-121", smallest=(32, 32))
        last: Tensor = self.features(images)
        return last


def densenet121(num_classes: int) -> DenseNet121:
    """DenseNet-121: the published table's; 1,024 features, 7.0 M parameters."""
    return DenseNet121(num_classes)


def _dense_block(in_channels: int, *, depth: int, growth: int) -> nn.Sequential:
    """`depth` layers, each of which adds `growth` channels."""
    return nn.Sequential(
        OrderedDict(
            (f"denselayer{i + 1}", DenseLayer(in_channels + i * growth, growth))
            for i in range(depth)
        )
    )


def _transition(in_channels: int, out_channels: int) -> nn.Sequential:
    """Fewer channels, at half the height and width."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(in_channels),
            relu=nn.ReLU(inplace=True),
            conv=nn.Conv2d(in_channels, out_channels, 1, bias=False),
            pool=nn.AvgPool2d(2, stride=2),
        )
    )


def _initialise(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
