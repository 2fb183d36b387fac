"""ResNet (He et al., CVPR 2016), with torchvision's layers, names and initialisation.

The stride of a bottleneck is in its 3 x 3 convolution, as in torchvision, and so as in the
published re-identification rows, which start from torchvision's ImageNet weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.ibn import InstanceBatchNorm, affine_instance_norm
from crosscam.models.mixstyle import MixStyle
from crosscam.models.nonlocal_block import NonLocalBlock
from crosscam.models.pooling import global_average
from crosscam.types import ModelOutput

IBN = Literal["none", "a", "b"]
Stem = Literal["torchvision", "fastreid", "bot"]


@dataclass(frozen=True)
class ResNetDesign:
    """What of a ResNet is chosen beside its blocks.

    Attributes:
        last_stride: 2, or 1 for a last stage that keeps the size of its map (Luo et al., CVPRW
            2019).
        ibn: IBN-Net's form (Pan et al., ECCV 2018). In "a" half of the channels of the first
            normalisation of each block of the first three stages is normalised over each image
            alone; in "b" the stem is, and what comes out of the last block of each of the first two
            stages.
        non_local: after how many of the last blocks of the second and the third stage there is a
            non-local block.
        mixstyle: whether styles are mixed after the first stage and after the second, in training.
        stem: whose the beginning is. FastReID's does not pad before its pooling, that of Luo et al.
            has no ReLU before it.
    """

    last_stride: int = 2
    ibn: IBN = "none"
    non_local: tuple[int, int] = (0, 0)
    mixstyle: bool = False
    stem: Stem = "torchvision"

    @property
    def ibn_by_stage(self) -> tuple[IBN, IBN, IBN, IBN]:
        """The form of each of the four stages."""
        return self.ibn, self.ibn, "none" if self.ibn == "b" else self.ibn, "none"


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut; `ibn` is its form of IBN-Net."""

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int, *, ibn: IBN = "none") -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = InstanceBatchNorm(channels) if ibn == "a" else nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.IN = affine_instance_norm(channels) if ibn == "b" else None
        self.downsample = _shortcut(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y = y + (x if self.downsample is None else self.downsample(x))
        z: Tensor = self.relu(y if self.IN is None else self.IN(y))
        return z


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions beside a shortcut; four times as wide at its end.

    `ibn` is its form of IBN-Net.
    """

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int, *, ibn: IBN = "none") -> None:
        super().__init__()
        out_channels = channels * self.expansion
        self.conv1 = nn.Conv2d(in_channels, channels, 1, bias=False)
        self.bn1 = InstanceBatchNorm(channels) if ibn == "a" else nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.IN = affine_instance_norm(out_channels) if ibn == "b" else None
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        y = y + (x if self.downsample is None else self.downsample(x))
        z: Tensor = self.relu(y if self.IN is None else self.IN(y))
        return z


Block = type[BasicBlock | Bottleneck]


class ResNet(ReIDModel):
    """Stem, four stages of blocks, global average; the feature is the average."""

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
        block: Block,
        depths: Sequence[int],
        design: ResNetDesign = ResNetDesign(),
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (256, 128)
        self.map_dim = self.feature_dim = 512 * block.expansion
        first, second, third, fourth = design.ibn_by_stage
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = affine_instance_norm(64) if first == "b" else nn.BatchNorm2d(64)
        self.relu = nn.Identity() if design.stem == "bot" else nn.ReLU(inplace=True)
        self.maxpool = _first_pool(design.stem)
        wide = block.expansion
        self.layer1 = stage(block, 64, 64, depths[0], stride=1, ibn=first)
        self.layer2 = stage(block, 64 * wide, 128, depths[1], stride=2, ibn=second)
        self.layer3 = stage(block, 128 * wide, 256, depths[2], stride=2, ibn=third)
        self.layer4 = stage(
            block, 256 * wide, 512, depths[3], stride=design.last_stride, ibn=fourth
        )
        self.mixstyle = MixStyle() if design.mixstyle else nn.Identity()
        self.classifier = nn.Linear(self.feature_dim, num_classes)
        initialise(self)
        self.non_local2 = _non_local_blocks(128 * wide, design.non_local[0])
        self.non_local3 = _non_local_blocks(256 * wide, design.non_local[1])

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, feature_dim) features, with logits in training mode."""
        features = global_average(self.forward_map(images))
        if not self.training:
            return features
        return ModelOutput(features, (self.classifier(features),))

    def depth_of(self, name: str) -> int:
        """The stem is 0, the stages with their non-local blocks are 1 to 4, and the end is 5."""
        for kind in ("layer", "non_local"):
            if name.startswith(kind):
                return int(name[len(kind)])
        return 0 if name.startswith(("conv1.", "bn1.")) else 5

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to (N, map_dim, H / 32, W / 32), or H / 16 with last stride 1."""
        refuse_unusable(images, name="ResNet", smallest=(32, 32))
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        x = self.mixstyle(self.layer1(x))
        x = self.mixstyle(_through(self.layer2, self.non_local2, x))
        x = _through(self.layer3, self.non_local3, x)
        last: Tensor = self.layer4(x)
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


RESNET18, RESNET50, RESNET101 = (2, 2, 2, 2), (3, 4, 6, 3), (3, 4, 23, 3)


def stage(
    block: Block,
    in_channels: int,
    channels: int,
    depth: int,
    *,
    stride: int,
    ibn: IBN = "none",
) -> nn.Sequential:
    """`depth` blocks one after another, of which the first has the stride.

    Of IBN-Net's form b it is the last one's alone.
    """
    early: IBN = "none" if ibn == "b" else ibn
    wide = channels * block.expansion
    first = block(in_channels, channels, stride, ibn=ibn if depth == 1 else early)
    others = (
        block(wide, channels, 1, ibn=ibn if place == depth - 1 else early)
        for place in range(1, depth)
    )
    return nn.Sequential(first, *others)


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
        nn.BatchNorm2d(out_channels),
    )


def _first_pool(stem: Stem) -> nn.MaxPool2d:
    if stem == "fastreid":
        return nn.MaxPool2d(3, stride=2, ceil_mode=True)
    return nn.MaxPool2d(3, stride=2, padding=1)


def _non_local_blocks(channels: int, count: int) -> nn.ModuleList:
    return nn.ModuleList(NonLocalBlock(channels) for _ in range(count))


def _through(blocks: nn.Sequential, non_local: nn.ModuleList, x: Tensor) -> Tensor:
    """A map through a stage, with the non-local blocks after its last ones."""
    plain = len(blocks) - len(non_local)
    for index, block in enumerate(blocks):
        x = block(x)
        if index >= plain:
            x = non_local[index - plain](x)
    return x


def initialise(model: nn.Module) -> None:
    """Draw every convolution's weights for a ReLU after it, by its fan-out, in place."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
