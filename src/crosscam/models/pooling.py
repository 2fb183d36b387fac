"""From a map of features to one feature an image."""

from torch import Tensor


def global_average(x: Tensor) -> Tensor:
    """The mean over height and width: (N, C, H, W) to (N, C)."""
    return x.mean(dim=(2, 3))
