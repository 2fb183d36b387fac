"""Other ends for networks: what stands between the map and the loss, by name.

A new one is a function here, a line in `HEADS`, and its name in `crosscam.settings.head`.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor, nn

from crosscam.models.base import ReIDModel
from crosscam.models.pooling import global_average
from crosscam.settings.head import Head
from crosscam.types import ModelOutput


class HeadParts(NamedTuple):
    """The modules of a head.

    `neck` makes two features of a (N, C, h, w) map, each (N, feature_dim): that which losses
    compare, and that which is classified and tested. `classifier` makes (N, num_classes) logits of
    the second.
    """

    neck: nn.Module
    classifier: nn.Module
    feature_dim: int


class BNNeck(nn.Module):
    """The global average, and BatchNorm without a learned shift (Luo et al., CVPRW 2019)."""

    def __init__(self, map_dim: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(map_dim)
        self.norm.register_parameter("bias", None)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, h, w) to the features before the normalisation and after it, (N, C) each."""
        average = global_average(x)
        return average, self.norm(average)


def bnneck(map_dim: int, num_classes: int) -> HeadParts:
    """A `BNNeck` and a linear classifier without bias, drawn at a deviation of 0.001."""
    classifier = nn.Linear(map_dim, num_classes, bias=False)
    nn.init.normal_(classifier.weight, std=0.001)
    return HeadParts(BNNeck(map_dim), classifier, map_dim)


HEADS: Mapping[str, Callable[[int, int], HeadParts]] = {"bnneck": bnneck}


class HeadedModel(ReIDModel):
    """A network's map, and a head in the place of the network's own end.

    In training mode `features` are those that the head gives to be compared.

    Args:
        network: one with an `own_end`, which is taken off it, in place.
        head: which head.
    """

    def __init__(self, network: ReIDModel, head: Head) -> None:
        super().__init__()
        parts = HEADS[head.name](network.map_dim, network.num_classes)
        for name in network.own_end:
            delattr(network, name)
        self.num_classes = network.num_classes
        self.input_size = network.input_size
        self.mean, self.std = network.mean, network.std
        self.feature_dim = parts.feature_dim
        self.network = network
        self.neck = parts.neck
        self.classifier = parts.classifier

    @property
    def head_names(self) -> tuple[str, ...]:
        """All but the network."""
        return ("neck.", "classifier.")

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, feature_dim) features, with logits in training mode."""
        compared, tested = self.neck(self.network.forward_map(images))
        if not self.training:
            features: Tensor = tested
            return features
        return ModelOutput(compared, (self.classifier(tested),))
