"""OSNet-AIN (Zhou et al., TPAMI 2021): instance normalisation where a search has found it helps.

Made to be used on cameras that it was not trained for.
"""

from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.ibn import affine_instance_norm
from crosscam.models.mixstyle import MixStyle
from crosscam.models.osnet_parts import (
    ChannelGate,
    ConvNorm,
    feature_layer,
    initialise,
    light_convs,
    shortcut,
)
from crosscam.models.pooling import global_average
from crosscam.models.switches import Switched, Wanted
from crosscam.types import ModelOutput


class Stream(nn.Module):
    """So many light convolutions, under the names of the published networks."""

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.layers = light_convs(channels, count)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        y: Tensor = self.layers(x)
        return y


class OmniScaleBlock(nn.Module):
    """Four streams between two 1 x 1 convolutions, beside a shortcut.

    With `instance_norm` what is added to the shortcut is normalised over each image alone.
    """

    def __init__(self, in_channels: int, channels: int, *, instance_norm: bool) -> None:
        super().__init__()
        middle = channels // 4
        self.conv1 = ConvNorm(in_channels, middle)
        self.conv2 = nn.ModuleList([Stream(middle, count) for count in (1, 2, 3, 4)])
        self.gate = ChannelGate(middle)
        last_norm = None if instance_norm else nn.BatchNorm2d
        self.conv3 = ConvNorm(middle, channels, norm=last_norm, linear=True)
        self.downsample = shortcut(in_channels, channels)
        self.IN = affine_instance_norm(channels) if instance_norm else None
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H, W)."""
        y = self.conv1(x)
        first, second, third, fourth = (self.gate(stream(y)) for stream in self.conv2)
        y = self.conv3(first + second + third + fourth)
        y = y if self.IN is None else self.IN(y)
        z: Tensor = self.relu(y + (x if self.downsample is None else self.downsample(x)))
        return z


class OSNetAIN(ReIDModel):
    """A stem, three stages of two blocks, and 512 features from the average.

    With `mixstyle` styles are mixed after the first stage and after the second, in training.
    """

    own_end = ("fc", "classifier")

    def __init__(
        self, num_classes: int, *, channels: tuple[int, int, int, int], mixstyle: bool = False
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (256, 128)
        self.feature_dim = 512
        stem, first, second, third = channels
        self.map_dim = third
        self.conv1 = ConvNorm(3, stem, 7, stride=2, norm=nn.InstanceNorm2d)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.conv2 = _stage(stem, first, instance_norms=(True, True))
        self.pool2 = nn.Sequential(ConvNorm(first, first), nn.AvgPool2d(2))
        self.conv3 = _stage(first, second, instance_norms=(False, True))
        self.pool3 = nn.Sequential(ConvNorm(second, second), nn.AvgPool2d(2))
        self.conv4 = _stage(second, third, instance_norms=(True, False))
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
        refuse_unusable(images, name="OSNet-AIN", smallest=(32, 32))
        x = self.mixstyle(self.pool2(self.conv2(self.maxpool(self.conv1(images)))))
        x = self.mixstyle(self.pool3(self.conv3(x)))
        last: Tensor = self.conv5(self.conv4(x))
        return last


def osnet_ain_x1_0(num_classes: int) -> OSNetAIN:
    """OSNet-AIN: 2.2 M parameters."""
    return OSNetAIN(num_classes, channels=(64, 256, 384, 512))


def switched_osnet_ain_x1_0(wanted: Wanted) -> OSNetAIN:
    """OSNet-AIN as the switches want it."""
    mixstyle = wanted.switches["mixstyle"] == "yes"
    return OSNetAIN(wanted.num_classes, channels=(64, 256, 384, 512), mixstyle=mixstyle)


SWITCHED_OSNET_AIN = Switched(switched_osnet_ain_x1_0, {"mixstyle": ("no", "yes")})


def _stage(in_channels: int, channels: int, *, instance_norms: tuple[bool, bool]) -> nn.Sequential:
    first, second = instance_norms
    return nn.Sequential(
        OmniScaleBlock(in_channels, channels, instance_norm=first),
        OmniScaleBlock(channels, channels, instance_norm=second),
    )
