"""A network with another end: its map, pooled, projected, normalised, classified.

What each part can be is said in `crosscam.settings.head`; a new one is a line in one of the
functions below.
"""

from typing import Any, cast

from torch import Tensor, nn

from crosscam.models.base import ReIDModel
from crosscam.models.camera_embedding import CameraEmbedding
from crosscam.models.classifiers import CosineClassifier, linear_classifier
from crosscam.models.necks import BNNeck
from crosscam.models.pooling import (
    AttentionPool,
    Average,
    AverageAndMaximum,
    GeneralisedMean,
    Maximum,
)
from crosscam.settings.head import Head
from crosscam.types import ModelOutput

# How FastReID's published models, those of Luo et al. (CVPRW 2019) and AGW's name what is theirs.
OTHERS_NAMES = (
    (r"^(?:backbone|base)\.(?=(?:conv1|bn1|layer[1-4]|NL_[23])\.)", "network."),
    (r"^network\.NL_([23])\.", r"network.non_local\1."),
    (r"^(?:heads\.bottleneck\.0|heads\.bnneck|bottleneck)\.", "neck.norm."),
    (r"^(?:heads\.pool_layer|global_pool)\.p$", "pool.p"),
    (r"^heads\.(?:classifier\.)?weight$", "classifier.weight"),
)


class HeadedModel(ReIDModel):
    """A network's map, and a head in the place of the network's own end.

    Its weights are those of the network, under `network.`, and `pool.`, `projection.`, `neck.` and
    `classifier.`, as far as these have any. The logits are of the features after the neck; they are
    cosines where `head.gives_cosines`.

    Args:
        network: one with an `own_end`, which is taken off it, in place.
        head: which head.
    """

    former_names = OTHERS_NAMES

    def __init__(self, network: ReIDModel, head: Head) -> None:
        super().__init__()
        _take_off_end(network)
        self.num_classes = network.num_classes
        self.input_size = network.input_size
        self.mean, self.std = network.mean, network.std
        self.uses_cameras = network.uses_cameras
        self.constants = {
            "neck.norm.bias": 0.0,
            "pixel_mean": _in_255(network.mean),
            "pixel_std": _in_255(network.std),
        }
        self.feature_dim = head.projection or network.map_dim
        self.compared, self.tested = head.compared, head.tested
        self.network = network
        self.pool = _pool(head, network.map_dim)
        self.projection = _projection(head, network.map_dim)
        self.neck = BNNeck(self.feature_dim) if head.neck == "bn" else nn.Identity()
        self.classifier = _classifier(head, self.feature_dim, network.num_classes)

    @property
    def head_names(self) -> tuple[str, ...]:
        """All but the network."""
        return ("pool.", "projection.", "neck.", "classifier.")

    @property
    def cameras(self) -> CameraEmbedding | None:
        """The network's."""
        return self.network.cameras

    def depth_of(self, name: str) -> int:
        """As deep as the network says; the head is as deep as the network's own end was."""
        return self.network.depth_of(name.removeprefix("network."))

    def forward(self, images: Tensor, camids: Tensor | None = None) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, feature_dim) features, with logits in training mode.

        In training mode `features` are those that losses compare, else those that are tested.
        `camids` are the images' cameras, (N,) int64, or None, for a network that uses cameras.
        """
        before: Tensor = self.projection(self.pool(self._map(images, camids)))
        after: Tensor = self.neck(before)
        if not self.training:
            return before if self.tested == "before" else after
        compared = before if self.compared == "before" else after
        return ModelOutput(compared, (self.classifier(after),))

    def _map(self, images: Tensor, camids: Tensor | None) -> Tensor:
        network: Any = self.network  # of which some take cameras
        given = (images, camids) if self.uses_cameras else (images,)
        return cast("Tensor", network.forward_map(*given))


def _take_off_end(network: ReIDModel) -> None:
    for name in network.own_end:
        parent, _, own = name.rpartition(".")
        delattr(network.get_submodule(parent), own)


def _in_255(colours: tuple[float, float, float]) -> tuple[float, float, float]:
    red, green, blue = colours
    return 255 * red, 255 * green, 255 * blue


def _pool(head: Head, channels: int) -> nn.Module:
    if head.pool == "gem":
        if head.power is None or head.learn_power is None:  # which a `Head` fills in
            raise ValueError("a generalised mean without a power")
        return GeneralisedMean(power=head.power, is_learned=head.learn_power)
    if head.pool == "attention":
        return AttentionPool(channels)
    return {"avg": Average, "max": Maximum, "avgmax": AverageAndMaximum}[head.pool]()


def _projection(head: Head, channels: int) -> nn.Module:
    """A linear layer without bias, drawn for a ReLU by its fan-out, as in FastReID."""
    if head.projection is None:
        return nn.Identity()
    projection = nn.Linear(channels, head.projection, bias=False)
    nn.init.kaiming_normal_(projection.weight, mode="fan_out")
    return projection


def _classifier(head: Head, dim: int, num_classes: int) -> nn.Module:
    """Without a neck a linear one has a bias, as networks' own ends and those of Luo et al."""
    if head.gives_cosines:
        return CosineClassifier(dim, num_classes)
    if head.neck == "none":
        return nn.Linear(dim, num_classes)
    return linear_classifier(dim, num_classes)
