"""ResNet-50 with a last stage that does not halve the map, and 512 features from its average."""

from torch import Tensor, nn

from crosscam.models.base import ReIDModel, refuse_unusable
from crosscam.models.osnet_parts import feature_layer, initialise
from crosscam.models.pooling import global_average
from crosscam.models.resnet import Bottleneck, stage
from crosscam.types import ModelOutput


class ResNet50FC512(ReIDModel):
    """Torchvision's ResNet-50 but for its last stride, then linear, BatchNorm and ReLU."""

    own_end = ("fc", "classifier")

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.input_size = (256, 128)
        self.feature_dim = 512
        self.map_dim = 2048
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(Bottleneck, 64, 64, 3, stride=1)
        self.layer2 = stage(Bottleneck, 256, 128, 4, stride=2)
        self.layer3 = stage(Bottleneck, 512, 256, 6, stride=2)
        self.layer4 = stage(Bottleneck, 1024, 512, 3, stride=1)
        self.fc = feature_layer(self.map_dim, self.feature_dim)
        self.classifier = nn.Linear(self.feature_dim, num_classes)
        initialise(self)

    def forward(self, images: Tensor) -> Tensor | ModelOutput:
        """(N, 3, H, W) images to (N, 512) features, with logits in training mode."""
        features: Tensor = self.fc(global_average(self.forward_map(images)))
        if not self.training:
            return features
        return ModelOutput(features, (self.classifier(features),))

    def forward_map(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) images to (N, 2048, H / 16, W / 16)."""
        refuse_unusable(images, name="ResNet", smallest=(32, 32))
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        last: Tensor = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return last


def resnet50_fc512(num_classes: int) -> ResNet50FC512:
    """ResNet-50 with last stride 1: 512 features, 24.6 M parameters."""
    return ResNet50FC512(num_classes)
