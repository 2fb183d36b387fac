"""MixStyle (Zhou et al., ICLR 2021): in training, images borrow each other's style.

The style of an image is the mean and the deviation of each channel of a map of its features.
"""

import torch
from torch import Tensor, nn

_PROBABILITY = 0.5  # both as in the authors' re-identification networks
_ALPHA = 0.1


class MixStyle(nn.Module):
    """Mixes the style of every image with that of another one of its batch, half of the time.

    How much of its own style an image keeps is drawn from Beta(0.1, 0.1): nearly all or nearly
    none. It has no weights, and in eval mode it does nothing. It draws from torch's generator of
    the processor, whatever device the map is on.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape and type."""
        if not self.training or float(torch.rand(())) >= _PROBABILITY:
            return x
        alpha = torch.tensor(_ALPHA)
        own = torch.distributions.Beta(alpha, alpha).sample((len(x),))
        order = torch.randperm(len(x))
        return mix_styles(x, own.to(x.device), order.to(x.device))


def mix_styles(x: Tensor, own: Tensor, order: Tensor) -> Tensor:
    """Maps (N, C, H, W), the style of each mixed with that of another one.

    `own` (N,) float is the share of its own style that an image keeps, in [0, 1], and `order` (N,)
    int64 says with whose style the rest is filled up. No gradient goes through styles. They are
    computed in float32.
    """
    maps = x.float()
    mean = maps.mean(dim=(2, 3), keepdim=True).detach()
    deviation = (maps.var(dim=(2, 3), keepdim=True) + 1e-6).sqrt().detach()
    share = own[:, None, None, None]
    new_mean = share * mean + (1 - share) * mean[order]
    new_deviation = share * deviation + (1 - share) * deviation[order]
    return ((maps - mean) / deviation * new_deviation + new_mean).to(x.dtype)
