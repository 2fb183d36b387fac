"""timm, also beside a torch that torchvision's compiled half was not built for."""

import importlib

from torchvision_models import torchvision_models

# Three families, small, from scratch: convolutions, tokens, and depthwise convolutions.
BACKBONES = (
    "timm/test_resnet:pool=gem,output_stride=16",
    "timm/test_vit:size=128x64",
    "timm/mobilenetv3_small_050",
)


def import_timm():
    """The module `timm`, which imports parts of torchvision that are pure Python."""
    torchvision_models()
    return importlib.import_module("timm")
