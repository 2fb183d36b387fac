"""ResNets against torchvision's: the same names, the same features."""

import golden
import pytest
import torch
from torchvision_models import torchvision_models

import crosscam


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet101"])
def test_features_equal_torchvisions(name):
    theirs = getattr(torchvision_models(), name)(num_classes=7)
    ours = crosscam.create_model(name, num_classes=7)
    golden.fill(theirs)
    weights = {k: v for k, v in theirs.state_dict().items() if not k.startswith("fc.")}
    loaded = ours.load_state_dict(weights, strict=False)
    assert loaded.unexpected_keys == []
    assert loaded.missing_keys == ["classifier.weight", "classifier.bias"]
    theirs.fc = torch.nn.Identity()
    images = golden.images(2, 128, 64)
    with torch.inference_mode():
        expected, features = theirs.eval()(images), ours.eval()(images)
    error = (features - expected).abs().max() / expected.abs().max()
    assert error < 1e-6


def test_a_random_start_has_torchvisions_distribution():
    theirs = torchvision_models().resnet18()
    ours = crosscam.create_model("resnet18", num_classes=7)
    for name, value in ours.state_dict().items():
        if name.endswith("conv2.weight"):
            expected = theirs.state_dict()[name].std().item()
            assert value.std().item() == pytest.approx(expected, rel=0.05)
