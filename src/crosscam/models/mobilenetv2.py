"""MobileNetV2 (Sandler et al., CVPR 2018), as in the published table.

It differs from torchvision's in its names and in one way of computing: its first block has an
expansion convolution too. Trained from scratch.
"""

from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.pooling import global_average
from crosscam.types import ModelOutput


class ConvBlock(nn.Module):
    """Convolution without bias, BatchNorm, ReLU6."""

    def __init__(
        self, in_channels: int, channels: int, kernel: int, *, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False
        )
        self.bn = nn.BatchNorm2d(channels)
        self.relu6 = nn.ReLU6(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H / stride, W / stride)."""
        y: Tensor = self.relu6(self.bn(self.conv(x)))
        return y


class InvertedResidual(nn.Module):
    """Widen, filter each channel alone, narrow without a nonlinearity; a shortcut if it fits."""

    def __init__(self, in_channels: int, channels: int, *, expansion: int, stride: int) -> None:
        super().__init__()
        wide = in_channels * expansion
        self.has_shortcut = stride == 1 and in_channels == channels
        self.conv1 = ConvBlock(in_channels, wide, 1)
        self.dwconv2 = ConvBlock(wide, wide, 3, stride=stride, groups=wide)
        self.conv3 = nn.Sequential(
            nn.Conv2d(wide, channels, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H / stride, W / stride)."""
        y: Tensor = self.conv3(self.dwconv2(self.conv1(x)))
        return x + y if self.has_shortcut else y


class MobileNetV2(ReIDModel):
    """Eight groups of inverted residuals, 1,280 features, dropout before the classifier."""

    own_end = ("dropout", "classifier")
    former_names = ((r"^block([28])\.", r"conv\1.0."), (r"^block(\d)\.", r"conv\1."))

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (256, 128)
        self.map_dim = self.feature_dim = 1280
        self.conv1 = ConvBlock(3, 32, 3, stride=2)
        self.conv2 = group(32, 16, depth=1, expansion=1, stride=1)
        self.conv3 = group(16, 24, depth=2, expansion=6, stride=2)
        self.conv4 = group(24, 32, depth=3, expansion=6, stride=2)
        self.conv5 = group(32, 64, depth=4, expansion=6, stride=2)
        self.conv6 = group(64, 96, depth=3, expansion=6, stride=1)
        self.conv7 = group(96, 160, depth=3, expansion=6, stride=2)
        self.conv8 = group(160, 320, depth=1, expansion=6, stride=1)
        self.conv9 = ConvBlock(320, self.feature_dim, 1)
        self.dropout = nn.Dropout(0.5)
        self.classifier = nn.Linear(self.feature_dim, num_classes)

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, 1280) features, with logits in training mode."""
        features: Tensor = self.dropout(global_average(self.forward_map(images)))
        if not self.training:
            return features
        return ModelOutput(features, (self.classifier(features),))

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to (N, 1280, H / 32, W / 32)."""
        refuse_unusable(images, name="MobileNetV2", smallest=(32, 32))
        x = self.conv4(self.conv3(self.conv2(self.conv1(images))))
        last: Tensor = self.conv9(self.conv8(self.conv7(self.conv6(self.conv5(x)))))
        return last


def mobilenetv2(num_classes: int) -> MobileNetV2:
    """MobileNetV2: the published table's; 1,280 features, 2.2 M parameters."""
    return MobileNetV2(num_classes)


def group(
    in_channels: int, channels: int, *, depth: int, expansion: int, stride: int
) -> nn.Sequential:
    """`depth` blocks one after another, of which the first has the stride."""
    first = InvertedResidual(in_channels, channels, expansion=expansion, stride=stride)
    others = (
        InvertedResidual(channels, channels, expansion=expansion, stride=1)
        for _ in range(depth - 1)
    )
    return nn.Sequential(first, *others)
