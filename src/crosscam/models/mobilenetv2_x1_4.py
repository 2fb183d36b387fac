"""MobileNetV2 of 1.4 times the width (Sandler et al., CVPR 2018), as published in 2019.

Unlike the `mobilenetv2` of 2018 it has no dropout.
"""

from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.mobilenetv2 import ConvBlock, group
from crosscam.models.osnet_parts import initialise
from crosscam.models.pooling import global_average
from crosscam.types import ModelOutput


class MobileNetV2Wide(ReIDModel):
    """Seven groups of inverted residuals and 1,792 features."""

    own_end = ("classifier",)

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (256, 128)
        self.map_dim = self.feature_dim = 1792
        self.conv1 = ConvBlock(3, 44, 3, stride=2)
        self.conv2 = group(44, 22, depth=1, expansion=1, stride=1)
        self.conv3 = group(22, 33, depth=2, expansion=6, stride=2)
        self.conv4 = group(33, 44, depth=3, expansion=6, stride=2)
        self.conv5 = group(44, 89, depth=4, expansion=6, stride=2)
        self.conv6 = group(89, 134, depth=3, expansion=6, stride=1)
        self.conv7 = group(134, 224, depth=3, expansion=6, stride=2)
        self.conv8 = group(224, 448, depth=1, expansion=6, stride=1)
        self.conv9 = ConvBlock(448, self.feature_dim, 1)
        self.classifier = nn.Linear(self.feature_dim, num_classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, 1792) features, with logits in training mode."""
        features = global_average(self.forward_map(images))
        if not self.training:
            return features
        return ModelOutput(features, (self.classifier(features),))

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to (N, 1792, H / 32, W / 32)."""
        refuse_unusable(images, name="MobileNetV2", smallest=(32, 32))
        x = self.conv4(self.conv3(self.conv2(self.conv1(images))))
        last: Tensor = self.conv9(self.conv8(self.conv7(self.conv6(self.conv5(x)))))
        return last


def mobilenetv2_x1_4(num_classes: int) -> MobileNetV2Wide:
    """MobileNetV2 x1.4: 1,792 features, 4.3 M parameters."""
    return MobileNetV2Wide(num_classes)
