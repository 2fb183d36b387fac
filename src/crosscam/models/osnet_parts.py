"""What the omni-scale networks are built of (Zhou et al., ICCV 2019 and TPAMI 2021)."""

from torch import Tensor, nn

from crosscam.models.ibn import affine_instance_norm
from crosscam.models.pooling import global_average


class ConvNorm(nn.Module):
    """Convolution without bias, a normalisation, and a ReLU unless `linear`.

    `norm` makes the normalisation of so many channels; None leaves it out.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        norm: type[nn.Module] | None = nn.BatchNorm2d,
        linear: bool = False,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels, channels, kernel, stride, padding=kernel // 2, bias=False
        )
        self.bn = _norm(norm, channels)
        self.relu = nn.Identity() if linear else nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H / stride, W / stride)."""
        y = self.conv(x)
        if self.bn is not None:
            y = self.bn(y)
        z: Tensor = self.relu(y)
        return z


class LightConv(nn.Module):
    """A 3 x 3 convolution taken apart: first across channels, then each channel alone."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        y: Tensor = self.relu(self.bn(self.conv2(self.conv1(x))))
        return y


class ChannelGate(nn.Module):
    """Weighs the channels of a stream by what they hold on average; all streams share one gate."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, channels // 16, 1)
        self.relu = nn.ReLU(inplace=True)
        self.fc2 = nn.Conv2d(channels // 16, channels, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        mean = global_average(x)[:, :, None, None]
        y: Tensor = x * self.sigmoid(self.fc2(self.relu(self.fc1(mean))))
        return y


def light_convs(channels: int, count: int) -> nn.Sequential:
    """A stream: so many light convolutions, which see 2 x `count` + 1 pixels."""
    return nn.Sequential(*(LightConv(channels) for _ in range(count)))


def shortcut(in_channels: int, channels: int) -> ConvNorm | None:
    """What the input of a block goes through before it is added; None if it fits as it is."""
    return None if in_channels == channels else ConvNorm(in_channels, channels, linear=True)


def feature_layer(in_channels: int, dim: int) -> nn.Sequential:
    """From the average to the feature: linear, BatchNorm, ReLU."""
    return nn.Sequential(nn.Linear(in_channels, dim), nn.BatchNorm1d(dim), nn.ReLU(inplace=True))


def initialise(model: nn.Module) -> None:
    """Draw weights as the published networks did, in place: convolutions for the ReLU after them.

    Linear layers are drawn with a standard deviation of 0.01, and biases are 0.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


def _norm(norm: type[nn.Module] | None, channels: int) -> nn.Module | None:
    if norm is None:
        return None
    return affine_instance_norm(channels) if norm is nn.InstanceNorm2d else norm(channels)
