"""MixStyle: its mathematics, when it is at work, and from where it draws.

`mixstyle.npz` was made by KaiyangZhou/mixstyle-release (16f7cf1, reid/models/mixstyle.py).
"""

import golden
import pytest
import torch

import crosscam
from crosscam.models.mixstyle import MixStyle, mix_styles

EXPECTED = {name: torch.from_numpy(value) for name, value in golden.load("mixstyle").items()}


def test_values_and_gradients_are_the_authors():
    x = EXPECTED["x"].clone().requires_grad_()
    mixed = mix_styles(x, EXPECTED["own"], EXPECTED["order"])
    (mixed * EXPECTED["weights"]).sum().backward()
    torch.testing.assert_close(mixed, EXPECTED["mixed"])
    torch.testing.assert_close(x.grad, EXPECTED["gradient"])


def test_a_style_is_mean_and_deviation_and_all_of_anothers_is_its_own():
    x = EXPECTED["x"]
    order = torch.tensor([1, 2, 3, 0])
    mixed = mix_styles(x, torch.zeros(4), order)
    torch.testing.assert_close(mixed.mean(dim=(2, 3)), x.mean(dim=(2, 3))[order])
    torch.testing.assert_close(mixed.std(dim=(2, 3)), x.std(dim=(2, 3))[order])
    torch.testing.assert_close(mix_styles(x, torch.ones(4), order), x)
    assert mix_styles(x.bfloat16(), torch.ones(4), order).dtype == torch.bfloat16


def test_it_is_at_work_half_of_the_time_in_training_by_torchs_generator():
    layer = MixStyle()
    torch.manual_seed(4)
    moved = [not torch.equal(layer(EXPECTED["x"]), EXPECTED["x"]) for _ in range(200)]
    assert 70 < sum(moved) < 130
    torch.manual_seed(4)
    again = [not torch.equal(layer(EXPECTED["x"]), EXPECTED["x"]) for _ in range(200)]
    assert moved == again
    assert layer.eval()(EXPECTED["x"]) is EXPECTED["x"]
    assert not layer.state_dict()


@pytest.mark.parametrize("name", ["resnet18", "osnet_x1_0", "osnet_ain_x1_0"])
def test_networks_have_it_after_two_stages_and_are_the_same_without_it(name):
    plain = golden.fill(crosscam.create_model(name, num_classes=3))
    mixing = golden.fill(crosscam.create_model(f"{name}:mixstyle=yes", num_classes=3))
    images = golden.images(4, 64, 32)
    calls = []
    mixing.mixstyle.register_forward_hook(lambda _, inputs, output: calls.append(output.shape))
    with torch.inference_mode():
        assert torch.equal(mixing.eval()(images), plain.eval()(images))
    shapes = {"resnet18": [(4, 64, 16, 8), (4, 128, 8, 4)]}
    assert calls == shapes.get(name, [(4, 256, 8, 4), (4, 384, 4, 2)])
    golden.frozen_train(mixing)
    mixing.mixstyle.train()
    outputs = {mixing(images).features.detach().sum().item() for _ in range(12)}
    assert len(outputs) > 1
