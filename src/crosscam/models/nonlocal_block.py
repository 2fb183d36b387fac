"""Non-local blocks (Wang et al., CVPR 2018), as AGW has them (Ye et al., TPAMI 2021)."""

from torch import Tensor, nn


class NonLocalBlock(nn.Module):
    """Adds to each place what all places hold, weighed by how they go together.

    How two places go together is the product of one number of each, `theta` and `phi`, and what a
    place holds is one number, `g`: AGW's form, with one channel inside. It starts as no change at
    all, because the scale of its last normalisation is 0.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.g = nn.Conv2d(channels, 1, 1)
        norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(norm.weight)
        self.W = nn.Sequential(nn.Conv2d(1, channels, 1), norm)
        self.theta = nn.Conv2d(channels, 1, 1)
        self.phi = nn.Conv2d(channels, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        held = (self.phi(x) * self.g(x)).mean(dim=(2, 3), keepdim=True)
        y: Tensor = self.W(self.theta(x) * held) + x
        return y
