"""What every registered model, and timm's of several kinds, does with a head."""

import golden
import pytest
import torch
from timm_models import import_timm

import crosscam
from crosscam.errors import ModelError
from crosscam.settings.head import Head

pytestmark = pytest.mark.slow

HEAD = Head(pool="attention", classifier="cosine", projection=16)
WITHOUT = ("lightmbn_osnet",)  # the map of a network of several ends is none's
TIMM = (
    "timm/test_resnet",
    "timm/test_vit:size=64x32",
    "timm/test_convnext",
    "timm/mobilenetv3_small_050",
    "timm/test_mambaout",
)


@pytest.fixture(
    params=[*(name for name in crosscam.list_models() if name not in WITHOUT), *TIMM],
    scope="module",
)
def model(request):
    if request.param in TIMM:
        import_timm()
    torch.manual_seed(0)
    return crosscam.create_model(request.param, num_classes=6, head=HEAD)


def test_it_has_a_map_that_a_head_makes_features_and_logits_of(model):
    size = model.input_size if type(model.network).__name__ == "HACNN" else (64, 32)
    images = golden.images(4, *size)
    output = model.train()(images)
    assert output.features.shape == (4, 16)
    assert output.logits[0].shape == (4, 6)
    assert output.logits[0].abs().max() <= 1 + 1e-6
    (output.features.sum() + output.logits[0][:, 0].sum()).backward()
    assert [name for name, value in model.named_parameters() if value.grad is None] == []
    end = tuple(f"{name}." for name in model.network.own_end)
    assert end
    assert not [name for name in model.network.state_dict() if name.startswith(end)]
    with torch.inference_mode():
        features, last = model.eval()(images), model.network.forward_map(images)
        again = model.neck(model.projection(model.pool(last)))
    assert last.shape[:2] == (4, model.network.map_dim)
    assert last.ndim == 4
    assert features.shape == (4, model.feature_dim)
    torch.testing.assert_close(again, features)
    assert (features[0] - features[1]).abs().max() > 0


@pytest.mark.parametrize("name", WITHOUT)
def test_what_has_no_one_map_is_refused(name):
    with pytest.raises(ModelError, match=f"{name} can have no end but its own; leave out the head"):
        crosscam.create_model(name, num_classes=6, head=HEAD)
