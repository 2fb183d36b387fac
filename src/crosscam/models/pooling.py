"""From a map of features to one feature an image."""

import torch
from torch import Tensor, nn

_HIDDEN = 128  # as in the paper of attention pooling


def global_average(x: Tensor) -> Tensor:
    """The mean over height and width: (N, C, H, W) to (N, C)."""
    return x.mean(dim=(2, 3))


def global_maximum(x: Tensor) -> Tensor:
    """The largest over height and width: (N, C, H, W) to (N, C)."""
    return x.amax(dim=(2, 3))


class Average(nn.Module):
    """The mean over height and width."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C)."""
        return global_average(x)


class Maximum(nn.Module):
    """The largest over height and width; equal ones share the gradient."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C)."""
        return global_maximum(x)


class AverageAndMaximum(nn.Module):
    """The mean of mean and largest, as in timm; FastReID has their sum, which is twice that."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C)."""
        return (global_average(x) + global_maximum(x)) / 2


class GeneralisedMean(nn.Module):
    """The generalised mean over height and width (GeM; Radenovic et al., TPAMI 2019).

    The p-th root of the mean of p-th powers: 1 is the mean, and the larger p is the nearer to the
    largest. Powers want positive values: those below 1e-6 count as 1e-6. It is computed in float32.

    Args:
        power: p, or what it is learned from.
        is_learned: whether p is a parameter; else it is no part of the weights.
        channels_last: whether maps are (N, H, W, C), not (N, C, H, W).
        keep_sides: whether it gives (N, C, 1, 1) or (N, 1, 1, C), not (N, C).
    """

    p: Tensor

    def __init__(
        self,
        *,
        power: float = 3.0,
        is_learned: bool = True,
        channels_last: bool = False,
        keep_sides: bool = False,
    ) -> None:
        super().__init__()
        self.sides = (1, 2) if channels_last else (2, 3)
        self.keep_sides = keep_sides
        value = torch.full((1,), power)
        if is_learned:
            self.p = nn.Parameter(value)
        else:
            self.register_buffer("p", value, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """A map with the mean over its sides in their place, of the type of `x`."""
        powers = x.float().clamp(min=1e-6).pow(self.p)
        mean = powers.mean(dim=self.sides, keepdim=self.keep_sides)
        return mean.pow(1 / self.p).to(x.dtype)


class AttentionPool(nn.Module):
    """The mean over height and width by learned weights (Ilse et al., ICML 2018, equations 7, 8).

    The weight of a place is the softmax, over all places, of w . tanh(V f), of its features f; so
    the weights of an image sum to 1. V is (128, C), w is (1, 128), both without bias, drawn as
    torch draws linear layers, by which all places weigh nearly the same at first.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(channels, _HIDDEN, bias=False)
        self.score = nn.Linear(_HIDDEN, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C)."""
        places = x.flatten(2).transpose(1, 2)
        weights = self.score(self.hidden(places).tanh()).softmax(dim=1).to(x.dtype)
        pooled: Tensor = (weights * places).sum(dim=1)
        return pooled
