"""What vision transformers are built of (Dosovitskiy et al., ICLR 2021), with timm's names.

Tokens are (N, L, C): the class token, then the patches of the image row by row.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from crosscam.models.ibn import InstanceBatchNorm
from crosscam.models.positions import grid_of

PATCH = 16  # pixels, the side of a patch
EPSILON = 1e-6  # of every layer normalisation
_STEM_CHANNELS = 64


class Block(nn.Module):
    """Attention, then a perceptron, each of normalised tokens and added to them.

    Args:
        width: C, the length of a token.
        heads: how many parts of a token attend by themselves.
        hidden: the width of the perceptron's hidden layer.
        qkv_bias: whether queries, keys and values have a bias.
        scale: what products of queries and keys are multiplied by.
        drop: how probable it is in training that an image's tokens skip each of the two.
    """

    def __init__(
        self, width: int, heads: int, hidden: int, *, qkv_bias: bool, scale: float, drop: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.attn = Attention(width, heads, qkv_bias=qkv_bias, scale=scale)
        self.norm2 = nn.LayerNorm(width, eps=EPSILON)
        self.mlp = Perceptron(width, hidden)
        self.drop = drop

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, L, C) to (N, L, C)."""
        tokens = tokens + self._dropped(self.attn(self.norm1(tokens)))
        added: Tensor = tokens + self._dropped(self.mlp(self.norm2(tokens)))
        return added

    def _dropped(self, change: Tensor) -> Tensor:
        """The change of each image's tokens or none, what is left made up for that (drop path)."""
        if not self.training or self.drop == 0:
            return change
        kept = torch.rand(change.shape[0], 1, 1, device=change.device) >= self.drop
        return change * (kept / (1 - self.drop)).to(change.dtype)


class Attention(nn.Module):
    """Every token looks at all tokens of its image, by several heads."""

    def __init__(self, width: int, heads: int, *, qkv_bias: bool, scale: float) -> None:
        super().__init__()
        self.heads = heads
        self.scale = scale
        self.qkv = nn.Linear(width, 3 * width, bias=qkv_bias)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, L, C) to (N, L, C).

        In training it is computed in plain steps, because on GPUs the gradients of the fused ones
        are not the same each time.
        """
        count, length, width = tokens.shape
        qkv = self.qkv(tokens).reshape(count, length, 3, self.heads, width // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        if self.training:
            weights = ((query @ key.transpose(-2, -1)) * self.scale).softmax(dim=-1)
            seen = weights @ value
        else:
            seen = functional.scaled_dot_product_attention(query, key, value, scale=self.scale)
        joined: Tensor = self.proj(seen.transpose(1, 2).reshape(count, length, width))
        return joined


class Perceptron(nn.Module):
    """Two linear layers with a GELU between them, for each token by itself."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, L, C) to (N, L, C)."""
        changed: Tensor = self.fc2(functional.gelu(self.fc1(tokens)))
        return changed


class PatchEmbedding(nn.Module):
    """A token of each patch of the image, by one convolution; patches overlap if `stride` < 16."""

    def __init__(self, width: int, *, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.proj = nn.Conv2d(3, width, PATCH, stride=stride)
        fan_out = PATCH * PATCH * width
        nn.init.normal_(self.proj.weight, std=math.sqrt(2 / fan_out))

    def grid_of(self, size: tuple[int, int]) -> tuple[int, int]:
        """(h, w) for images of `size`, (H, W)."""
        return grid_of(size, patch=PATCH, stride=self.stride)

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, C, h, w)."""
        patches: Tensor = self.proj(images)
        return patches


class ConvolutionStem(nn.Module):
    """A token of each patch of the image, by four convolutions, normalised by the image in part.

    It is the stem of TransReID-SSL (Luo et al., arXiv 2111.12084), with that project's names.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        channels = _STEM_CHANNELS
        self.conv = nn.Sequential(
            nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False),
            InstanceBatchNorm(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            InstanceBatchNorm(channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )
        self.proj = nn.Conv2d(channels, width, PATCH // 2, stride=PATCH // 2)

    def grid_of(self, size: tuple[int, int]) -> tuple[int, int]:
        """(h, w) for images of `size`, (H, W): its first convolution rounds up."""
        height, width = ((side + 1) // 2 // (PATCH // 2) for side in size)
        return height, width

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) to (N, C, h, w)."""
        patches: Tensor = self.proj(self.conv(images))
        return patches


def initialise_block(block: nn.Module) -> None:
    """Draw the linear layers of a block from a normal distribution cut at 2, in place."""
    for module in block.modules():
        if isinstance(module, nn.Linear):
            nn.init.trunc_normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
