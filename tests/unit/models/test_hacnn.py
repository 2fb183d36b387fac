"""HACNN: its one size, and where its strips are at first and under autocast."""

import golden
import pytest
import torch

import crosscam
from crosscam.errors import ModelError
from crosscam.models.hacnn import HardAttention


def centres_of(model, images):
    """The centres of the strips at the three levels, each (N, 4, 2)."""
    seen = []
    hooks = [
        module.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
        for module in model.modules()
        if isinstance(module, HardAttention)
    ]
    with torch.inference_mode():
        model.eval()(images)
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize("size", [(159, 64), (160, 65), (256, 128), (320, 128), (64, 160)])
def test_every_other_size_is_refused(size):
    model = crosscam.create_model("hacnn", num_classes=2)
    with pytest.raises(ModelError, match=f"160 x 64 pixels .* not {size[0]} x {size[1]}"):
        model(torch.zeros(2, 3, *size))


@pytest.mark.slow
def test_strips_start_one_below_the_other_whatever_the_picture():
    model = crosscam.create_model("hacnn", num_classes=2)
    expected = torch.tensor([[0, -0.75], [0, -0.25], [0, 0.25], [0, 0.75]]).tanh().expand(3, 4, 2)
    levels = centres_of(model, golden.images(3, *model.input_size))
    assert len(levels) == 3
    for centres in levels:
        torch.testing.assert_close(centres, expected)


def test_autocast_does_not_move_strips():
    model = golden.fill(crosscam.create_model("hacnn", num_classes=2))
    images = golden.images(2, *model.input_size)
    expected = centres_of(model, images)
    with torch.autocast("cpu", torch.bfloat16):
        levels = centres_of(model, images)
    for centres, exact in zip(levels, expected, strict=True):
        assert centres.dtype == torch.float32
        assert (centres - exact).abs().max() < 1 / 512  # what bfloat16 itself would round by


def test_features_are_two_branches_of_length_one_and_classifiers_see_them_before():
    model = golden.frozen_train(golden.fill(crosscam.create_model("hacnn", num_classes=2)))
    seen = []
    model.classifier_global.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0]))
    model.classifier_local.register_forward_hook(lambda _m, inputs, _o: seen.append(inputs[0]))
    with torch.inference_mode():
        features = model(golden.images(2, *model.input_size)).features
    branches = torch.stack(features.split(512, dim=1))
    torch.testing.assert_close(branches.norm(dim=2), torch.ones(2, 2))
    before = torch.stack(seen)
    torch.testing.assert_close(before / before.norm(dim=2, keepdim=True), branches)
    assert (before.norm(dim=2) - 1).abs().min() > 0.1
