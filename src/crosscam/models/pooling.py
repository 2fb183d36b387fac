"""From a map of features to one feature an image."""

import torch
from torch import Tensor, nn


def global_average(x: Tensor) -> Tensor:
    """The mean over height and width: (N, C, H, W) to (N, C)."""
    return x.mean(dim=(2, 3))


class GeneralisedMean(nn.Module):
    """The generalised mean over height and width (GeM; Radenovic et al., TPAMI 2019).

    The p-th root of the mean of p-th powers, p learned from 3 on: 1 is the mean, and the larger it
    is the nearer to the largest. Powers want positive values: those below 1e-6 count as 1e-6.
    It is computed in float32.

    Args:
        channels_last: whether maps are (N, H, W, C), not (N, C, H, W).
        keep_sides: whether it gives (N, C, 1, 1) or (N, 1, 1, C), not (N, C).
    """

    def __init__(self, *, channels_last: bool = False, keep_sides: bool = False) -> None:
        super().__init__()
        self.sides = (1, 2) if channels_last else (2, 3)
        self.keep_sides = keep_sides
        self.p = nn.Parameter(torch.full((1,), 3.0))

    def forward(self, x: Tensor) -> Tensor:
        """A map with the mean over its sides in their place, of the type of `x`."""
        powers = x.float().clamp(min=1e-6).pow(self.p)
        mean = powers.mean(dim=self.sides, keepdim=self.keep_sides)
        return mean.pow(1 / self.p).to(x.dtype)
