"""OSNet, the omni-scale network (Zhou et al., ICCV 2019), in four widths, and OSNet-IBN.

A block looks at its input through four streams of one to four light convolutions, of growing reach,
weighs each stream's channels by one shared gate, and adds them up.
"""

from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.ibn import affine_instance_norm
from crosscam.models.mixstyle import MixStyle
from crosscam.models.osnet_parts import (
    ChannelGate,
    ConvNorm,
    LightConv,
    feature_layer,
    initialise,
    light_convs,
    shortcut,
)
from crosscam.models.pooling import global_average
from crosscam.models.switches import Switched, Wanted
from crosscam.types import ModelOutput


class OmniScaleBlock(nn.Module):
    """Four streams between two 1 x 1 convolutions, beside a shortcut.

    With `instance_norm` the sum of both is normalised over each image alone.
    """

    def __init__(self, in_channels: int, channels: int, *, instance_norm: bool) -> None:
        super().__init__()
        middle = channels // 4
        self.conv1 = ConvNorm(in_channels, middle)
        self.conv2a = LightConv(middle)
        self.conv2b = light_convs(middle, 2)
        self.conv2c = light_convs(middle, 3)
        self.conv2d = light_convs(middle, 4)
        self.gate = ChannelGate(middle)
        self.conv3 = ConvNorm(middle, channels, linear=True)
        self.downsample = shortcut(in_channels, channels)
        self.IN = affine_instance_norm(channels) if instance_norm else None
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H, W)."""
        y = self.conv1(x)
        streams = (self.conv2a, self.conv2b, self.conv2c, self.conv2d)
        first, second, third, fourth = (self.gate(stream(y)) for stream in streams)
        y = self.conv3(first + second + third + fourth)
        y = y + (x if self.downsample is None else self.downsample(x))
        z: Tensor = self.relu(y if self.IN is None else self.IN(y))
        return z


class OSNet(ReIDModel):
    """A stem, three stages of two blocks, and 512 features from the average.

    `channels` are those after the stem and after each stage; with `instance_norm` the stem and the
    first stage are normalised over each image alone, as in OSNet-IBN. With `mixstyle` styles are
    mixed after the first stage and after the second, in training.
    """

    own_end = ("fc", "classifier")

    def __init__(
        self,
        num_classes: int,
        *,
        channels: tuple[int, int, int, int],
        instance_norm: bool = False,
        mixstyle: bool = False,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (256, 128)
        self.feature_dim = 512
        stem, first, second, third = channels
        self.map_dim = third
        norm = nn.InstanceNorm2d if instance_norm else nn.BatchNorm2d
        self.conv1 = ConvNorm(3, stem, 7, stride=2, norm=norm)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.conv2 = _stage(stem, first, instance_norm=instance_norm, halves=True)
        self.conv3 = _stage(first, second, instance_norm=False, halves=True)
        self.conv4 = _stage(second, third, instance_norm=False, halves=False)
        self.conv5 = ConvNorm(third, third)
        self.mixstyle = MixStyle() if mixstyle else nn.Identity()
        self.fc = feature_layer(third, self.feature_dim)
        self.classifier = nn.Linear(self.feature_dim, num_classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, 512) features, with logits in training mode."""
        features: Tensor = self.fc(global_average(self.forward_map(images)))
        if not self.training:
            return features
        return ModelOutput(features, (self.classifier(features),))

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to (N, map_dim, H / 16, W / 16)."""
        refuse_unusable(images, name="OSNet", smallest=(32, 32))
        x = self.mixstyle(self.conv2(self.maxpool(self.conv1(images))))
        x = self.mixstyle(self.conv3(x))
        last: Tensor = self.conv5(self.conv4(x))
        return last


def osnet_x1_0(num_classes: int) -> OSNet:
    """OSNet: 2.2 M parameters."""
    return OSNet(num_classes, channels=(64, 256, 384, 512))


def osnet_x0_75(num_classes: int) -> OSNet:
    """OSNet of three quarters of the width: 1.3 M parameters."""
    return OSNet(num_classes, channels=(48, 192, 288, 384))


def osnet_x0_5(num_classes: int) -> OSNet:
    """OSNet of half the width: 0.6 M parameters."""
    return OSNet(num_classes, channels=(32, 128, 192, 256))


def osnet_x0_25(num_classes: int) -> OSNet:
    """OSNet of a quarter of the width: 0.2 M parameters."""
    return OSNet(num_classes, channels=(16, 64, 96, 128))


def osnet_ibn_x1_0(num_classes: int) -> OSNet:
    """OSNet-IBN: with instance normalisation at its beginning; 2.2 M parameters."""
    return OSNet(num_classes, channels=(64, 256, 384, 512), instance_norm=True)


def switched_osnet_x1_0(wanted: Wanted) -> OSNet:
    """OSNet as the switches want it."""
    mixstyle = wanted.switches["mixstyle"] == "yes"
    return OSNet(wanted.num_classes, channels=(64, 256, 384, 512), mixstyle=mixstyle)


SWITCHED_OSNET = Switched(switched_osnet_x1_0, {"mixstyle": ("no", "yes")})


def _stage(in_channels: int, channels: int, *, instance_norm: bool, halves: bool) -> nn.Sequential:
    parts: list[nn.Module] = [
        OmniScaleBlock(in_channels, channels, instance_norm=instance_norm),
        OmniScaleBlock(channels, channels, instance_norm=instance_norm),
    ]
    if halves:
        parts.append(nn.Sequential(ConvNorm(channels, channels), nn.AvgPool2d(2)))
    return nn.Sequential(*parts)
