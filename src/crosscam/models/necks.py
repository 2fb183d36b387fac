"""What stands between the pooled features of a head and its classifier."""

from torch import Tensor, nn


class BNNeck(nn.Module):
    """BatchNorm without a learned shift (Luo et al., CVPRW 2019).

    It frees the losses on the features before it from those on the logits of the features after it.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(dim)
        self.norm.register_parameter("bias", None)

    def forward(self, features: Tensor) -> Tensor:
        """(N, dim) to the same, normalised."""
        normalised: Tensor = self.norm(features)
        return normalised
