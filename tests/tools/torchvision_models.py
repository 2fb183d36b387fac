"""torchvision's models, also beside a torch that its compiled half was not built for.

Its models are pure Python, but importing it wants two operators of the compiled half, which does
not load beside a CPU build of torch; declaring them is enough. For this reason the package itself
does without torchvision, unless timm is asked for.
"""

import importlib

import torch


def torchvision_models():
    """The module `torchvision.models`."""
    try:
        return importlib.import_module("torchvision.models")
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float threshold) -> Tensor")
        torchvision_models.library = library  # it must live as long as what it declares
        return importlib.import_module("torchvision.models")
