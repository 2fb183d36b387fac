"""The last maps of timm's backbones: their layouts, what stands behind them, and where none is."""

import golden
import pytest
import torch
from safetensors.torch import save_file
from timm_models import import_timm

import crosscam
from crosscam.errors import ModelError
from crosscam.models.registry import outline_model
from crosscam.models.timm_maps import TimmMap
from crosscam.settings.head import Head

pytestmark = pytest.mark.usefixtures("timm")


@pytest.fixture(scope="module")
def timm():
    return import_timm()


def make(name, **arguments):
    return crosscam.create_model(f"timm/{name}", num_classes=3, **arguments).eval()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet10t", TimmMap(512, "channels first", 0, ())),
        ("convnext_atto", TimmMap(320, "channels first", 0, ("head",))),
        ("mobilenetv3_small_050", TimmMap(288, "channels first", 0, ("conv_head",))),
        ("vit_small_patch16_224", TimmMap(384, "tokens", 1, ())),
        ("coat_lite_tiny", TimmMap(320, "tokens", 1, ())),
        ("test_mambaout", TimmMap(64, "channels last", 0, ("head",))),
    ],
)
def test_what_is_found_of_a_map(name, expected):
    outline = outline_model(f"timm/{name}", num_classes=3, head=Head())
    assert outline.network.last_map == expected
    assert outline.feature_dim == expected.channels


def test_tokens_are_a_column_of_places_without_the_class_token():
    model = golden.fill(make("test_vit:size=64x32", head={"neck": "none"}))
    images = golden.images(2, 64, 32)
    with torch.inference_mode():
        tokens = model.network.backbone.forward_features(images)
        features, last = model(images), model.network.forward_map(images)
    assert tokens.shape == (2, 1 + 4 * 2, 64)
    assert torch.equal(last[:, :, :, 0], tokens[:, 1:].transpose(1, 2))
    torch.testing.assert_close(features, tokens[:, 1:].mean(dim=1))


def test_channels_are_brought_to_their_place():
    model = golden.fill(make("test_mambaout", head={"neck": "none"}))
    images = golden.images(2, 128, 64)
    with torch.inference_mode():
        given = model.network.backbone.forward_features(images)
        features = model(images)
    assert given.shape == (2, 4, 2, 64)
    torch.testing.assert_close(features, given.mean(dim=(1, 2)))


@pytest.mark.parametrize("pool", ["avg", "max", "avgmax"])
def test_poolings_are_timms(pool):
    model = make("test_resnet", head={"pool": pool, "neck": "none"})
    theirs = make(f"test_resnet:pool={pool}")
    theirs.backbone.load_state_dict(model.network.backbone.state_dict())
    images = golden.images(2, 128, 64)
    with torch.inference_mode():
        torch.testing.assert_close(model(images), theirs(images))


@pytest.mark.slow
def test_a_swin_of_a_size_of_people_has_a_map():
    model = make("swin_tiny_patch4_window7_224:size=64x32", head={"pool": "max"})
    with torch.inference_mode():
        assert model.network.forward_map(golden.images(1, 64, 32)).shape == (1, 768, 2, 1)


def test_it_starts_from_its_own_weights_with_their_end(tmp_path):
    plain = golden.fill(make("test_convnext"))
    save_file(plain.state_dict(), tmp_path / "start.safetensors")
    model = make("test_convnext", head={}, weights=tmp_path / "start.safetensors")
    own, theirs = model.network.state_dict(), plain.state_dict()
    assert all(value.equal(theirs[name]) for name, value in own.items())
    assert {name for name in theirs if name not in own} == {
        *("backbone.head.norm.weight", "backbone.head.norm.bias"),
        *("classifier.weight", "classifier.bias"),
    }


def test_images_of_a_wrong_size_are_refused_as_without_a_head():
    model = make("test_vit_relpos:size=64x32", head={})
    with pytest.raises(ModelError, match="64 x 32 pixels .* only, not 128 x 64; .*size=128x64"):
        model(golden.images(1, 128, 64))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("test_resnet:pool=max", "with a head: the head says how its map is pooled; leave out poo"),
        (
            "efficientvim_m1",
            "no end but its own: it gives no map .its forward_features gives a list",
        ),
        ("pit_ti_224", "no end but its own: it gives no map .*one token for the whole picture"),
    ],
)
def test_what_gives_no_map_is_refused(name, message):
    with pytest.raises(ModelError, match=message):
        outline_model(f"timm/{name}", num_classes=3, head=Head())


def test_what_was_made_without_a_head_has_not_looked_for_its_map():
    model = make("test_resnet")
    assert not model.own_end
    with pytest.raises(ModelError, match="made without looking for its map"):
        model.forward_map(golden.images(1, 64, 32))
