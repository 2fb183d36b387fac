"""What a network knows of the cameras that took its images (TransReID: He et al., ICCV 2021)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from crosscam.errors import ModelError

NO_CAMERA = -(2**63)  # stands for an image's camera where that is not known


class CameraEmbedding(nn.Module):
    """A learned vector for each camera; the mean of all for one that it does not know.

    Until it is told others, its cameras are those numbered 0 to `count` - 1.

    Args:
        count: K, how many cameras there are.
        width: the length of a vector.
    """

    camids: Tensor

    def __init__(self, count: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(count, width))
        nn.init.trunc_normal_(self.weight, std=0.02)
        self.register_buffer("camids", torch.arange(count))

    def tell(self, camids: Sequence[int]) -> None:
        """Say which cameras the vectors are of, by the data set's numbers, all different.

        Raises `ModelError` if there are not as many.
        """
        if len(set(camids)) != len(self.camids) or len(camids) != len(self.camids):
            raise ModelError(
                f"this model tells {len(self.camids)} cameras apart, and is told of {len(camids)}"
            )
        if NO_CAMERA in camids:
            raise ModelError(f"no camera may have the number {NO_CAMERA}; number them anew")
        self.camids.copy_(torch.tensor(list(camids)))

    @property
    def known(self) -> tuple[int, ...]:
        """The numbers of its cameras."""
        return tuple(self.camids.tolist())

    def forward(self, camids: Tensor | None) -> Tensor:
        """(N,) int64 numbers of cameras to (N, width); (1, width) where none are known."""
        mean = self.weight.mean(dim=0, keepdim=True)
        if camids is None:
            return mean
        same = camids[:, None] == self.camids
        place = same.float().argmax(dim=1)
        return torch.where(
            same.any(dim=1, keepdim=True), functional.embedding(place, self.weight), mean
        )
