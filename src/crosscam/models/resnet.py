"""ResNet (He et al., CVPR 2016), with torchvision's layers, names and initialisation.

The stride of a bottleneck is in its 3 x 3 convolution, as in torchvision, and so as in the
published re-identification rows, which start from torchvision's ImageNet weights.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.pooling import global_average
from crosscam.models.switches import Wanted
from crosscam.types import ModelOutput

RESNET18, RESNET50, RESNET101 = (2, 2, 2, 2), (3, 4, 6, 3), (3, 4, 23, 3)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = _shortcut(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        z: Tensor = self.relu(y + shortcut)
        return z


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions beside a shortcut; four times as wide at its end."""

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int) -> None:
        super().__init__()
        out_channels = channels * self.expansion
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        z: Tensor = self.relu(y + shortcut)
        return z


class ResNet(ReIDModel):
    """Stem, four stages of blocks, global average; the feature is the average.

    With a `last_stride` of 1 the last stage keeps the size of its map (Luo et al., CVPRW 2019).
    """

    own_end = ("classifier",)
    former_names = (
        (r"^base\.0\.", "conv1."),
        (r"^base\.1\.", "bn1."),
        (r"^base\.4\.", "layer1."),
        (r"^base\.5\.", "layer2."),
        (r"^base\.6\.", "layer3."),
        (r"^base\.7\.", "layer4."),
    )

    def __init__(
        self,
        num_classes: int,
        *,
        block: type[BasicBlock | Bottleneck],
        depths: Sequence[int],
        last_stride: int = 2,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (256, 128)
        self.map_dim = self.feature_dim = 512 * block.expansion
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(block, 64, 64, depths[0], stride=1)
        self.layer2 = stage(block, 64 * block.expansion, 128, depths[1], stride=2)
        self.layer3 = stage(block, 128 * block.expansion, 256, depths[2], stride=2)
        self.layer4 = stage(block, 256 * block.expansion, 512, depths[3], stride=last_stride)
        self.classifier = nn.Linear(self.feature_dim, num_classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, feature_dim) features, with logits in training mode."""
        features = global_average(self.forward_map(images))
        if not self.training:
            return features
        return ModelOutput(features, (self.classifier(features),))

    def depth_of(self, name: str) -> int:
        """The stem is 0, the stages are 1 to 4, and the end is 5."""
        if name.startswith("layer"):
            return int(name[len("layer")])
        return 0 if name.startswith(("conv1.", "bn1.")) else 5

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to (N, map_dim, H / 32, W / 32), or H / 16 with last stride 1."""
        refuse_unusable(images, name="ResNet", smallest=(32, 32))
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        last: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return last


def resnet18(num_classes: int) -> ResNet:
    """ResNet-18: torchvision's, without its classifier; 512 features, 11.2 M parameters."""
    return ResNet(num_classes, block=BasicBlock, depths=RESNET18)


def resnet50(num_classes: int) -> ResNet:
    """ResNet-50: the published table's; 2,048 features, 23.5 M parameters."""
    return ResNet(num_classes, block=Bottleneck, depths=RESNET50)


def resnet101(num_classes: int) -> ResNet:
    """ResNet-101: torchvision's, without its classifier; 2,048 features, 42.5 M parameters."""
    return ResNet(num_classes, block=Bottleneck, depths=RESNET101)


def switched_resnet18(wanted: Wanted) -> ResNet:
    """ResNet-18 as the switches want it."""
    return _switched(wanted, block=BasicBlock, depths=RESNET18)


def switched_resnet50(wanted: Wanted) -> ResNet:
    """ResNet-50 as the switches want it."""
    return _switched(wanted, block=Bottleneck, depths=RESNET50)


def switched_resnet101(wanted: Wanted) -> ResNet:
    """ResNet-101 as the switches want it."""
    return _switched(wanted, block=Bottleneck, depths=RESNET101)


def _switched(
    wanted: Wanted, *, block: type[BasicBlock | Bottleneck], depths: Sequence[int]
) -> ResNet:
    last_stride = int(wanted.switches["last_stride"])
    return ResNet(wanted.num_classes, block=block, depths=depths, last_stride=last_stride)


def stage(
    block: type[BasicBlock | Bottleneck],
    in_channels: int,
    channels: int,
    depth: int,
    *,
    stride: int,
) -> nn.Sequential:
    """`depth` blocks one after another, of which the first has the stride."""
    first = block(in_channels, channels, stride)
    others = (block(channels * block.expansion, channels, 1) for _ in range(depth - 1))
    return nn.Sequential(first, *others)


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
        nn.BatchNorm2d(out_channels),
    )


def initialise(model: nn.Module) -> None:
    """Draw every convolution's weights for a ReLU after it, by its fan-out, in place."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
