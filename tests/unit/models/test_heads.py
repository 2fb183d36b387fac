"""Another end for a network: what it gives, what it is called, and where it cannot be."""

import golden
import pytest
import torch

import crosscam
from crosscam.errors import ModelError
from crosscam.losses.weighted import WeightedLosses
from crosscam.models.registry import outline_model
from crosscam.settings.head import Head
from crosscam.settings.losses import LossTable
from crosscam.training.freezing import set_learning

BNNECK = Head(name="bnneck")
NEW = ("neck.", "classifier.")


@pytest.fixture(params=["lightres", "resnet18"])
def model(request):
    return golden.fill(crosscam.create_model(request.param, num_classes=5, head=BNNECK))


def test_features_are_the_necks_and_triplets_compare_what_comes_before(model):
    images = golden.images(4, 64, 32)
    output = golden.frozen_train(model)(images)
    features = model.eval()(images)
    average = model.network.forward_map(images).flatten(2).mean(dim=2)
    torch.testing.assert_close(output.features, average)
    norm = model.neck.norm
    normalised = (average - norm.running_mean) / (norm.running_var + norm.eps).sqrt()
    torch.testing.assert_close(features, normalised * norm.weight)
    torch.testing.assert_close(output.logits[0], features @ model.classifier.weight.T)
    assert features.shape == (4, model.feature_dim)


def test_the_map_is_as_wide_as_it_says(model):
    assert model.network.forward_map(golden.images(1, 64, 32)).shape[1] == model.network.map_dim


def test_every_parameter_learns_and_none_is_left_of_the_old_end(model):
    output = model.train()(golden.images(4, 64, 32))
    losses = WeightedLosses(LossTable(xent=1.0, triplet=1.0).parts)
    torch.stack(list(losses(output, torch.tensor([0, 0, 1, 1])).values())).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert model.network.own_end
    assert not any(hasattr(model.network, name) for name in model.network.own_end)


def test_it_says_what_it_is_and_what_features_need(model):
    network = crosscam.create_model("lightres", num_classes=5)
    assert model.input_size == network.input_size
    assert (model.mean, model.std, model.num_classes) == (network.mean, network.std, 5)
    own = {name for name in model.state_dict() if not name.startswith("network.")}
    norm = {"weight", "running_mean", "running_var", "num_batches_tracked"}
    assert own == {"classifier.weight", *(f"neck.norm.{name}" for name in norm)}
    needed = sum(parameter.numel() for parameter in model.parameters())
    assert crosscam.count_parameters(model) == needed - 5 * model.feature_dim


def test_the_network_is_drawn_as_with_its_own_end():
    torch.manual_seed(3)
    plain = crosscam.create_model("lightres", num_classes=5).state_dict()
    torch.manual_seed(3)
    headed = crosscam.create_model("lightres", num_classes=5, head=BNNECK)
    for name, value in headed.network.state_dict().items():
        assert value.equal(plain[name])


def test_freezing_leaves_the_head_alone_to_learn(model):
    set_learning(model, end_alone=True)
    learning = {name for name, value in model.named_parameters() if value.requires_grad}
    assert learning == {"classifier.weight", "neck.norm.weight"}
    set_learning(model, end_alone=False)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert model.neck.norm.bias is None


@pytest.mark.slow
def test_it_can_be_exported_laid_out_otherwise_and_computed_in_bfloat16(model):
    images = golden.images(4, 64, 32)
    with torch.inference_mode():
        expected = model.eval()(images)
    exported = torch.export.export(model, (images,))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        rough = model(images.to(memory_format=torch.channels_last)).float()
    with torch.inference_mode():
        torch.testing.assert_close(exported.module()(images), expected, rtol=1e-4, atol=1e-5)
    assert torch.nn.functional.cosine_similarity(rough, expected).min() > 0.99


@pytest.mark.parametrize("name", ["hacnn", "osnet_x0_25", "timm/resnet18"])
def test_models_that_can_have_no_other_end_are_refused_before_any_is_made(name):
    able = "lightres, resnet101, resnet18, resnet50"
    with pytest.raises(
        ModelError, match=f"{name} can have no end but its own.*have one are {able}"
    ):
        crosscam.create_model(name, num_classes=2, head=BNNECK, weights="imagenet")


def test_an_unknown_model_is_still_unknown():
    with pytest.raises(ModelError, match="unknown model 'resnet51'"):
        crosscam.create_model("resnet51", num_classes=2, head=BNNECK)


def test_an_outline_has_the_heads_shapes():
    outline = outline_model("resnet50", num_classes=7, head=BNNECK)
    assert outline.classifier.weight.shape == (7, 2048)
    assert outline.classifier.weight.is_meta
