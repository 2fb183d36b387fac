"""HACNN, the Harmonious Attention Network (Li et al., CVPR 2018), as in the published table.

A global branch sees the whole picture; at each of its three levels, soft attention weighs its map
and hard attention says where a local branch looks at four strips. Trained from scratch.
"""

import torch
import torch.nn.functional as F  # noqa: N812 - the field's own spelling
from torch import Tensor, nn

from crosscam.errors import ModelError
from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.pooling import global_average
from crosscam.types import ModelOutput


class ConvBlock(nn.Module):
    """Convolution with bias, BatchNorm, ReLU."""

    def __init__(self, in_channels: int, channels: int, kernel: int, *, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, channels, kernel, stride, padding=kernel // 2)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H / stride, W / stride)."""
        return F.relu(self.bn(self.conv(x)))


class InceptionA(nn.Module):
    """Four streams of equal width side by side, at the size of the input."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        width = channels // 4
        self.stream1 = _pointwise_then_3x3(in_channels, width)
        self.stream2 = _pointwise_then_3x3(in_channels, width)
        self.stream3 = _pointwise_then_3x3(in_channels, width)
        self.stream4 = nn.Sequential(
            nn.AvgPool2d(3, stride=1, padding=1), ConvBlock(in_channels, width, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H, W)."""
        streams = (self.stream1(x), self.stream2(x), self.stream3(x), self.stream4(x))
        return torch.cat(streams, dim=1)


class InceptionB(nn.Module):
    """Three streams side by side, the last as wide as the others together, at half the size."""

    def __init__(self, in_channels: int, channels: int) -> None:
        super().__init__()
        width = channels // 4
        self.stream1 = _pointwise_then_3x3(in_channels, width, stride=2)
        self.stream2 = nn.Sequential(
            ConvBlock(in_channels, width, 1),
            ConvBlock(width, width, 3),
            ConvBlock(width, width, 3, stride=2),
        )
        self.stream3 = nn.Sequential(
            nn.MaxPool2d(3, stride=2, padding=1), ConvBlock(in_channels, 2 * width, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, channels, H / 2, W / 2)."""
        return torch.cat((self.stream1(x), self.stream2(x), self.stream3(x)), dim=1)


class SpatialAttention(nn.Module):
    """Where to look: one weight a place, the same for all channels."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = ConvBlock(1, 1, 3, stride=2)
        self.conv2 = ConvBlock(1, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 1, H, W)."""
        y = self.conv1(x.mean(dim=1, keepdim=True))
        z: Tensor = self.conv2(_resized(y, (x.shape[2], x.shape[3])))
        return z


class ChannelAttention(nn.Module):
    """What to look at: one weight a channel, the same for all places."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvBlock(channels, channels // 16, 1)
        self.conv2 = ConvBlock(channels // 16, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, 1, 1)."""
        y: Tensor = self.conv2(self.conv1(global_average(x)[:, :, None, None]))
        return y


class SoftAttention(nn.Module):
    """A weight in [0, 1] for every place of every channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.spatial_attn = SpatialAttention()
        self.channel_attn = ChannelAttention(channels)
        self.conv = ConvBlock(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to weights of the same shape."""
        return torch.sigmoid(self.conv(self.spatial_attn(x) * self.channel_attn(x)))


class HardAttention(nn.Module):
    """The centres of four strips, at first spread from the top to the bottom of every picture."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, 4 * 2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, 4, 2) centres (x, y), each coordinate in [-1, 1].

        They have the precision of the weights under autocast too: bfloat16 would move a strip by a
        good part of a pixel.
        """
        with torch.autocast(x.device.type, enabled=False):
            pooled = global_average(x.to(self.fc.weight.dtype))
            return torch.tanh(self.fc(pooled)).view(-1, 4, 2)


class HarmoniousAttention(nn.Module):
    """Soft attention of a map to itself, and the hard attention that goes with it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.soft_attn = SoftAttention(channels)
        self.hard_attn = HardAttention(channels)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) to the weighted map of the same shape, and (N, 4, 2) centres of strips."""
        return self.weighed(x), self.hard_attn(x)

    def weighed(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape, by soft attention alone."""
        weighed: Tensor = x * self.soft_attn(x)
        return weighed


class HACNN(ReIDModel):
    """A global and a local branch of 512 features, each L2-normalised, and a classifier for each.

    The published rows average the loss over both classifiers, which see features not normalised.
    Its map is the global branch's last, weighed by soft attention; the local branch, and the hard
    attention that says where that looks, are no part of it.
    """

    own_end = (
        *("ha1.hard_attn", "ha2.hard_attn", "ha3.hard_attn", "fc_global", "classifier_global"),
        *("local_conv1", "local_conv2", "local_conv3", "fc_local", "classifier_local"),
    )
    training_only = ("classifier_global.", "classifier_local.")
    classified_by = "classifier_global.weight"

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (160, 64)
        self.feature_dim = 2 * 512
        self.map_dim = 384
        self.conv = ConvBlock(3, 32, 3, stride=2)
        self.inception1 = nn.Sequential(InceptionA(32, 128), InceptionB(128, 128))
        self.ha1 = HarmoniousAttention(128)
        self.inception2 = nn.Sequential(InceptionA(128, 256), InceptionB(256, 256))
        self.ha2 = HarmoniousAttention(256)
        self.inception3 = nn.Sequential(InceptionA(256, 384), InceptionB(384, 384))
        self.ha3 = HarmoniousAttention(384)
        self.fc_global = _embedding(384)
        self.classifier_global = nn.Linear(512, num_classes)
        self.local_conv1 = InceptionB(32, 128)
        self.local_conv2 = InceptionB(128, 256)
        self.local_conv3 = InceptionB(256, 384)
        self.fc_local = _embedding(4 * 384)
        self.classifier_local = nn.Linear(512, num_classes)
        _initialise(self)

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, 160, 64) images to (N, 1024) features, with two logits in training mode."""
        _refuse_other_sizes(images, self.input_size)
        x = self.conv(images)
        x1, centres1 = self.ha1(self.inception1(x))
        x2, centres2 = self.ha2(self.inception2(x1))
        x3, centres3 = self.ha3(self.inception3(x2))
        # Strip by strip, not as one batch: BatchNorm takes its statistics of each alone.
        strips = [self.local_conv1(strip) for strip in _strips(x, centres1, (24, 28))]
        looks = _strips(x1, centres2, (12, 14))
        strips = [self.local_conv2(a + b) for a, b in zip(strips, looks, strict=True)]
        looks = _strips(x2, centres3, (6, 7))
        strips = [self.local_conv3(a + b) for a, b in zip(strips, looks, strict=True)]

        whole = self.fc_global(global_average(x3))
        parts = self.fc_local(torch.cat([global_average(strip) for strip in strips], dim=1))
        features = torch.cat((F.normalize(whole), F.normalize(parts)), dim=1)
        if not self.training:
            return features
        return ModelOutput(features, (self.classifier_global(whole), self.classifier_local(parts)))

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, 160, 64) images to (N, 384, 10, 4)."""
        _refuse_other_sizes(images, self.input_size)
        x1 = self.ha1.weighed(self.inception1(self.conv(images)))
        x2 = self.ha2.weighed(self.inception2(x1))
        return self.ha3.weighed(self.inception3(x2))


def hacnn(num_classes: int) -> HACNN:
    """HACNN: the published table's; 1,024 features, 2.9 M parameters; 160 x 64 images only."""
    return HACNN(num_classes)


def _refuse_other_sizes(images: Tensor, size: tuple[int, int]) -> None:
    refuse_unusable(images, name="HACNN", smallest=(1, 1))
    height, width = images.shape[2:]
    if (height, width) != size:
        raise ModelError(
            f"HACNN takes images of {size[0]} x {size[1]} pixels (height x width) and no other "
            f"size, not {height} x {width}; resize them"
        )


def _strips(x: Tensor, centres: Tensor, size: tuple[int, int]) -> list[Tensor]:
    """Four strips of (N, C, H, W), each (N, C, *size): as wide as `x`, a quarter of its height.

    `centres` is (N, 4, 2), (x, y) in [-1, 1]; beyond the edge of `x` are zeros. Sampled without
    autocast, at the precision of `centres`.
    """
    widths = torch.ones_like(centres[..., 0])
    scales = torch.diag_embed(torch.stack((widths, widths / 4), dim=-1))
    thetas = torch.cat((scales, centres.unsqueeze(-1)), dim=-1)
    with torch.autocast(x.device.type, enabled=False):
        x = x.to(centres.dtype)
        shape = list(x.shape)
        grids = [F.affine_grid(theta, shape, align_corners=True) for theta in thetas.unbind(1)]
        samples = [F.grid_sample(x, grid, align_corners=True) for grid in grids]
        return [_resized(sample, size) for sample in samples]


def _resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size, mode="bilinear", align_corners=True)


def _pointwise_then_3x3(in_channels: int, channels: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        ConvBlock(in_channels, channels, 1), ConvBlock(channels, channels, 3, stride=stride)
    )


def _embedding(in_features: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(in_features, 512), nn.BatchNorm1d(512), nn.ReLU())


def _initialise(model: nn.Module) -> None:
    centres = torch.tensor([[0, -0.75], [0, -0.25], [0, 0.25], [0, 0.75]])
    for module in model.modules():
        if isinstance(module, HardAttention):
            nn.init.zeros_(module.fc.weight)
            with torch.no_grad():
                module.fc.bias.copy_(centres.flatten())
