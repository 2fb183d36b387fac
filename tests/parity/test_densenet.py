"""DenseNet-121 against torchvision's: the same names, the same features before the last ReLU."""

import golden
import pytest
import torch
from torchvision_models import torchvision_models

import crosscam


def test_features_equal_torchvisions_without_its_last_relu():
    theirs = golden.fill(torchvision_models().densenet121(num_classes=7))
    ours = crosscam.create_model("densenet121", num_classes=7)
    ours.load_state_dict(theirs.state_dict())
    images = golden.images(2, 128, 64)
    with torch.inference_mode():
        maps = theirs.eval().features(images)
        features = ours.eval()(images)
    expected = torch.nn.functional.adaptive_avg_pool2d(maps, 1).flatten(1)
    assert (expected < 0).any()  # so a ReLU would show
    error = (features - expected).abs().max() / expected.abs().max()
    assert error < 1e-6


def test_a_random_start_has_torchvisions_distribution():
    theirs = torchvision_models().densenet121().state_dict()
    ours = crosscam.create_model("densenet121", num_classes=7).state_dict()
    convolutions = [name for name, value in ours.items() if value.ndim == 4]
    assert len(convolutions) == 120
    for name in convolutions:
        assert ours[name].std().item() == pytest.approx(theirs[name].std().item(), rel=0.05)
