"""What every registered model does."""

import golden
import pytest
import torch
from timm_models import BACKBONES, import_timm

import crosscam
from crosscam.errors import ModelError
from crosscam.losses.weighted import WeightedLosses
from crosscam.models.base import default_preprocess, set_memory_format
from crosscam.settings.losses import LossTable
from crosscam.types import ModelOutput

LARGER = {"vit_base", "vit_small_d8"}  # than one that is of the same parts


@pytest.fixture(params=[*sorted({*crosscam.list_models()} - LARGER), *BACKBONES], scope="module")
def name(request):
    if request.param in BACKBONES:
        import_timm()
    return request.param


@pytest.fixture(scope="module")
def model(name):
    """A model with weights that make features differ."""
    return golden.fill(crosscam.create_model(name, num_classes=6))


@pytest.fixture
def images(model):
    return golden.images(4, *model.input_size)


def features_of(model, images):
    with torch.inference_mode():
        return model.eval()(images)


def test_it_says_what_it_is(model):
    assert len(model.input_size) == 2
    assert model.num_classes == 6
    preprocess = default_preprocess(model)
    assert (preprocess.height, preprocess.width) == model.input_size
    assert not hasattr(model, "preprocess")
    assert not model.uses_cameras
    assert 0 < crosscam.count_parameters(model) <= sum(p.numel() for p in model.parameters())


def test_eval_gives_features_one_image_or_many(model, images):
    features = features_of(model, images)
    assert features.shape == (4, model.feature_dim)
    assert features.dtype == torch.float32
    assert torch.isfinite(features).all()
    alone = features_of(model, images[:1])
    torch.testing.assert_close(alone, features[:1], rtol=1e-4, atol=1e-5)


def test_training_gives_features_and_logits_and_every_parameter_a_gradient(model, images):
    output = model.train()(images)
    assert isinstance(output, ModelOutput)
    assert output.features.shape == (4, model.feature_dim)
    compared = output.compared or (output.features,)
    assert all(branch.shape == (4, model.compared_dim) for branch in compared)
    assert all(logits.shape == (4, 6) for logits in output.logits)
    losses = WeightedLosses(LossTable(xent=1.0, triplet=1.0).parts)
    model.zero_grad()
    torch.stack(list(losses(output, torch.tensor([0, 0, 1, 1])).values())).sum().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert without == []
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_it_can_be_saved_and_loaded(name, model, images, tmp_path):
    torch.save(model.state_dict(), tmp_path / "w.pth")
    other = crosscam.create_model(name, num_classes=6)
    crosscam.load_weights(other, tmp_path / "w.pth")
    assert torch.equal(features_of(other, images), features_of(model, images))


def test_channels_last_gives_the_same_features(model, images):
    expected = features_of(model, images)
    set_memory_format(model, "channels_last")
    features = features_of(model, images.to(memory_format=torch.channels_last))
    set_memory_format(model, "contiguous")
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-5)


def test_bfloat16_gives_nearly_the_same_features(model, images):
    one = images[:1]  # processors without bfloat16 take their time
    expected = features_of(model, one)
    with torch.autocast("cpu", torch.bfloat16):
        features = features_of(model, one).float()
    cosine = torch.nn.functional.cosine_similarity(features, expected)
    assert cosine.min() > 0.99


@pytest.mark.parametrize(
    "shape", [(3, 256, 128), (1, 1, 256, 128), (1, 3, 16, 128), (1, 3, 256, 8)]
)
def test_images_it_cannot_take_are_refused(model, shape):
    with pytest.raises(ModelError, match="takes images of"):
        model.eval()(torch.zeros(shape))


def test_unknown_names_list_the_known():
    known = ", ".join(crosscam.list_models())
    with pytest.raises(ModelError, match=f"unknown model 'resnet51'; known are {known}"):
        crosscam.create_model("resnet51", num_classes=2)
    with pytest.raises(ModelError, match="at least 1 person"):
        crosscam.create_model("resnet18", num_classes=0)
