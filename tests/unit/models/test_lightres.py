"""LightRes is light, and its neck stands between what each loss sees."""

import golden
import pytest
import torch

import crosscam
from crosscam.models.cost import count_multiply_adds


@pytest.fixture
def model():
    return golden.fill(crosscam.create_model("lightres", num_classes=5))


@pytest.mark.slow
def test_it_is_light(model):
    assert crosscam.count_parameters(model) < 1e6
    assert 7 * count_multiply_adds(model) < count_multiply_adds(
        crosscam.create_model("resnet18", num_classes=5)
    )


@pytest.mark.parametrize(
    ("switch", "side"), [("", 8), (":last_stride=2", 8), (":last_stride=1", 16)]
)
def test_its_last_map_is_a_16th_of_the_picture_or_an_8th(switch, side):
    model = crosscam.create_model(f"lightres{switch}", num_classes=5)
    seen = []
    model.pool.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    model.eval()(golden.images(2, 128, 64))
    assert seen == [(2, model.feature_dim, side, side // 2)]


def test_its_last_stride_changes_no_weights():
    torch.manual_seed(3)
    plain = crosscam.create_model("lightres", num_classes=5).state_dict()
    torch.manual_seed(3)
    finer = crosscam.create_model("lightres:last_stride=1", num_classes=5)
    assert finer.state_dict().keys() == plain.keys()
    assert all(value.equal(plain[name]) for name, value in finer.state_dict().items())


def test_triplets_compare_what_comes_before_the_neck(model):
    images = golden.images(4, 64, 32)
    output = golden.frozen_train(model)(images)
    features = model.eval()(images)
    torch.testing.assert_close(model.neck(output.features), features)
    assert not torch.allclose(output.features, features)
    torch.testing.assert_close(output.logits[0], features @ model.classifier.weight.T)
