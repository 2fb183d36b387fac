"""LightRes: a light residual network of our own, for training on a processor in minutes.

Its pieces are known: basic residual blocks (He et al., CVPR 2016), a last map as fine as a 16th of
the picture and a normalised neck (Luo et al., CVPRW 2019), and the generalised mean as pooling
(Radenovic et al., TPAMI 2019). What is ours is how they are measured out: a processor is fastest
in dense convolutions of few channels on small maps, so the stem leaves a quarter of each side at
once, nothing is grouped or depthwise, and most of the 0.6 M parameters work on the smallest map.
"""

from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.pooling import GeneralisedMean
from crosscam.models.resnet import BasicBlock, initialise, stage
from crosscam.models.switches import Switched, Wanted
from crosscam.types import ModelOutput

WIDTHS = (32, 64, 128)
DEPTHS = (1, 1, 2)


class LightRes(ReIDModel):
    """Stem, three stages of basic blocks, generalised mean, neck; the feature is the neck's.

    In training mode `features` are those before the neck, which triplets compare, and the logits
    are of those after it: the neck frees each loss from the other. With a `last_stride` of 1
    the last stage keeps the size of its map, as in the strong baseline of Luo et al.
    """

    own_end = ("pool", "neck", "classifier")

    def __init__(self, num_classes: int, *, last_stride: int = 2) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (256, 128)
        self.map_dim = self.feature_dim = 256
        self.stem = nn.Sequential(
            nn.Conv2d(3, WIDTHS[0], 7, stride=4, padding=3, bias=False),
            nn.BatchNorm2d(WIDTHS[0]),
            nn.ReLU(inplace=True),
        )
        self.stage1 = stage(BasicBlock, WIDTHS[0], WIDTHS[0], DEPTHS[0], stride=1)
        self.stage2 = stage(BasicBlock, WIDTHS[0], WIDTHS[1], DEPTHS[1], stride=2)
        self.stage3 = stage(BasicBlock, WIDTHS[1], WIDTHS[2], DEPTHS[2], stride=last_stride)
        self.widen = nn.Sequential(
            nn.Conv2d(WIDTHS[2], self.feature_dim, 1, bias=False),
            nn.BatchNorm2d(self.feature_dim),
            nn.ReLU(inplace=True),
        )
        self.pool = GeneralisedMean()
        self.neck = nn.BatchNorm1d(self.feature_dim)
        self.classifier = nn.Linear(self.feature_dim, num_classes, bias=False)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, 256) features, with logits in training mode."""
        pooled = self.pool(self.forward_map(images))
        features: Tensor = self.neck(pooled)
        if not self.training:
            return features
        return ModelOutput(pooled, (self.classifier(features),))

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to (N, 256, H / 16, W / 16), or with a last stride of 1 H / 8."""
        refuse_unusable(images, name="LightRes", smallest=(32, 32))
        x = self.stage3(self.stage2(self.stage1(self.stem(images))))
        widened: Tensor = self.widen(x)
        return widened


def lightres(num_classes: int) -> LightRes:
    """LightRes: ours; 256 features, 0.6 M parameters."""
    return LightRes(num_classes)


def switched_lightres(wanted: Wanted) -> LightRes:
    """LightRes with the `last_stride` that is wanted."""
    return LightRes(wanted.num_classes, last_stride=int(wanted.switches["last_stride"]))


SWITCHED_LIGHTRES = Switched(switched_lightres, {"last_stride": ("2", "1")})
