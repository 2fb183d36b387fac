"""ResNet-50 with mid-level features (Yu et al., arXiv:1711.08106), as in the published table.

ResNet-50's layers and names, and beside them one layer that fuses what the first two of the last
three blocks see.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.pooling import global_average
from crosscam.models.resnet import Bottleneck, initialise, stage
from crosscam.types import ModelOutput


class ResNet50M(ReIDModel):
    """ResNet-50 that looks at every block of its last stage.

    The feature is the last block's average, 2,048 long, and then 1,024 fused from the averages of
    the two blocks before it. Its map is the last block's.
    """

    own_end = ("fc_fusion", "classifier")
    former_names = (
        (r"^layers1\.0\.", "conv1."),
        (r"^layers1\.1\.", "bn1."),
        (r"^layers2\.1\.", "layer1."),
        (r"^layers3\.", "layer2."),
        (r"^layers4\.", "layer3."),
        (r"^layers5a\.", "layer4.0."),
        (r"^layers5b\.", "layer4.1."),
        (r"^layers5c\.", "layer4.2."),
        (r"^fc_fuse\.", "fc_fusion."),
    )

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (256, 128)
        self.map_dim = 2048
        self.feature_dim = self.map_dim + 1024
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(Bottleneck, 64, 64, 3, stride=1)
        self.layer2 = stage(Bottleneck, 256, 128, 4, stride=2)
        self.layer3 = stage(Bottleneck, 512, 256, 6, stride=2)
        self.layer4 = stage(Bottleneck, 1024, 512, 3, stride=2)
        self.fc_fusion = nn.Sequential(
            nn.Linear(2 * 2048, 1024), nn.BatchNorm1d(1024), nn.ReLU(inplace=True)
        )
        self.classifier = nn.Linear(self.feature_dim, num_classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, 3072) features, with logits in training mode."""
        *middle, last = (global_average(x) for x in self._last_maps(images))
        fused = self.fc_fusion(torch.cat(middle, dim=1))
        features = torch.cat((last, fused), dim=1)
        if not self.training:
            return features
        return ModelOutput(features, (self.classifier(features),))

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to (N, 2048, H / 32, W / 32)."""
        *_, last = self._last_maps(images)
        return last

    def _last_maps(self, images: Tensor) -> Iterator[Tensor]:
        """The maps of the blocks of the last stage, in turn."""
        refuse_unusable(images, name="ResNet50M", smallest=(32, 32))
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        x = self.layer3(self.layer2(self.layer1(x)))
        for block in self.layer4:
            x = block(x)
            yield x


def resnet50m(num_classes: int) -> ResNet50M:
    """ResNet50M: the published table's; 3,072 features, 27.7 M parameters."""
    return ResNet50M(num_classes)
