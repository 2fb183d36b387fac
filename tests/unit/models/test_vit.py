"""Vision transformers: their switches, images of any size, cameras, starts of other hands."""

import golden
import pytest
import torch

import crosscam
from crosscam.errors import ModelError, WeightsError
from crosscam.losses.weighted import WeightedLosses
from crosscam.models.registry import build_model, outline_model
from crosscam.models.switches import Wanted
from crosscam.models.vit import SWITCHES, Shape, ViT
from crosscam.settings.head import Head
from crosscam.settings.losses import LossTable

TINY = Shape(32, depth=2, heads=2, hidden=48)
PLAIN = {key: values[0] for key, values in SWITCHES.items()}


def tiny(*, num_cameras=0, **switches):
    return golden.fill(ViT(Wanted(5, num_cameras, PLAIN | switches), shape=TINY))


def features_of(model, *given):
    with torch.inference_mode():
        return model.eval()(*given)


@pytest.mark.parametrize(
    ("name", "millions", "features"),
    [
        ("vit_small", 21.6, 384),
        ("vit_small_d8", 47.9, 768),
        ("vit_base", 85.7, 768),
        ("vit_base:jigsaw=yes", 92.8, 5 * 768),
        ("vit_small:stem=conv", 23.0, 384),
        ("vit_small:size=384x128", 21.7, 384),
    ],
)
def test_they_are_as_large_as_published(name, millions, features):
    model = outline_model(name, num_classes=5)
    assert crosscam.count_parameters(model) / 1e6 == pytest.approx(millions, abs=0.06)
    assert model.feature_dim == features


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("vit_small:cameras=yes", "give num_cameras, train on data with cameras, or leave the"),
        ("vit_small:stem=conv,patch_stride=12", "do not overlap; leave out patch_stride=12"),
        ("vit_small:jigsaw=yes,pool=patches", "exclude each other"),
        ("vit_small:size=100x100", "it has patch_stride=16 or 12; cameras=no or yes"),
    ],
)
def test_switches_that_make_no_model_are_refused(name, fault):
    with pytest.raises(ModelError, match=fault):
        outline_model(name, num_classes=5)


@pytest.mark.parametrize("stride", ["16", "12"])
def test_images_of_other_sizes_have_the_positions_of_their_places(stride):
    model = tiny(patch_stride=stride)
    images = golden.images(2, 384, 192)
    features = features_of(model, images)
    own = tiny(patch_stride=stride, size="384x192")
    started = own.adapt_start(model.state_dict())
    own.load_state_dict(started)
    torch.testing.assert_close(features_of(own, images), features)
    assert not torch.allclose(features, features_of(tiny(patch_stride=stride), images.flip(2)))


@pytest.mark.parametrize("stem", ["patch", "conv"])
@pytest.mark.parametrize("size", [(47, 33), (64, 79)])
def test_images_that_are_no_whole_number_of_patches_are_taken(stem, size):
    model = tiny(stem=stem, pool="patches")
    image = torch.nn.functional.interpolate(golden.images(1, 64, 32), size=size)
    grid = model.patch_embed.grid_of(size)
    with torch.inference_mode():
        assert model.eval().forward_map(image).shape == (1, model.map_dim, *grid)


def test_fused_attention_is_that_of_training():
    model = tiny()
    for block in model.blocks:
        block.drop = 0.0
    images = golden.images(3, 64, 32)
    torch.testing.assert_close(model.train()(images).features, features_of(model, images))


def test_a_dropped_path_leaves_tokens_as_they_are_and_the_rest_makes_up_for_it():
    torch.manual_seed(0)
    block = tiny().blocks[1]
    block.drop = 0.25
    change = torch.ones(4000, 1, 1)
    dropped = block.train()._dropped(change)
    assert sorted(set(dropped.flatten().tolist())) == pytest.approx([0, 4 / 3])
    assert dropped.mean() == pytest.approx(1, abs=0.03)
    assert torch.equal(block.eval()._dropped(change), change)


def test_the_camera_moves_a_feature_and_an_unknown_one_is_the_mean_of_all():
    model = tiny(num_cameras=3, cameras="yes", jigsaw="yes")
    model.cameras.tell([6, 2, 40])
    image = golden.images(1, 64, 32)
    by_camera = [features_of(model, image, torch.tensor([camid])) for camid in (6, 2, 40, 7, -1)]
    assert not torch.allclose(by_camera[0], by_camera[1])
    assert torch.equal(by_camera[3], by_camera[4])
    assert torch.equal(by_camera[3], features_of(model, image, None))
    with torch.no_grad():
        model.camera_embedding.weight[:] = model.camera_embedding.weight.mean(dim=0)
    torch.testing.assert_close(features_of(model, image, torch.tensor([2])), by_camera[3])


def test_its_cameras_are_saved_with_it(tmp_path):
    model = tiny(num_cameras=2, cameras="yes")
    model.cameras.tell([9, 4])
    torch.save(model.state_dict(), tmp_path / "w.pth")
    other = ViT(Wanted(5, 2, PLAIN | {"cameras": "yes"}), shape=TINY)
    crosscam.load_weights(other, tmp_path / "w.pth")
    assert other.cameras.known == (9, 4)


@pytest.mark.parametrize("told", [[1], [1, 1], [1, 2, 3], [1, -(2**63)]])
def test_it_is_told_of_as_many_cameras_as_it_has(told):
    with pytest.raises(ModelError, match="camera"):
        tiny(num_cameras=2, cameras="yes").cameras.tell(told)


@pytest.mark.parametrize("pool", ["class", "patches"])
def test_another_head_gets_its_map_and_its_cameras(pool):
    name = f"vit_small:cameras=yes,pool={pool}"
    outline = outline_model(name, num_classes=5, num_cameras=2, head=Head(pool="gem"))
    assert outline.uses_cameras
    assert outline.head_names[0] == "pool."
    assert not any(key.startswith(("network.neck", "network.cl.")) for key in outline.state_dict())
    network = tiny(num_cameras=2, cameras="yes", pool=pool)
    shape = (1, 1) if pool == "class" else (4, 2)
    images, camids = golden.images(3, 64, 32), torch.tensor([0, 1, 5])
    found = network.eval().forward_map(images, camids)
    assert found.shape == (3, network.map_dim, *shape)
    torch.testing.assert_close(found.mean(dim=(2, 3)), features_of(network, images, camids))


def test_no_other_head_goes_with_a_jigsaw():
    with pytest.raises(ModelError, match=r"jigsaw=yes can have no end but its own"):
        outline_model("vit_small:jigsaw=yes", num_classes=5, head=Head())


def test_every_parameter_learns():
    model = tiny(num_cameras=2, cameras="yes", jigsaw="yes").train()
    output = model(golden.images(4, 64, 32), torch.tensor([0, 1, 0, 1]))
    assert {branch.shape for branch in output.compared} == {(4, model.compared_dim)}
    losses = WeightedLosses(LossTable(xent=1.0, triplet=1.0).parts)
    torch.stack(list(losses(output, torch.tensor([0, 0, 1, 1])).values())).sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []


def test_a_jigsaw_starts_as_the_last_block():
    model = build_model("vit_small:jigsaw=yes", num_classes=2)
    state = model.state_dict()
    drawn = model.jigsaw.block.state_dict()
    assert all(torch.equal(value, state[f"blocks.11.{key}"]) for key, value in drawn.items())


def test_a_distilled_start_of_another_grid_with_another_end_is_adapted():
    model = tiny(jigsaw="yes")
    start = {k: v for k, v in model.state_dict().items() if not k.startswith(("jigsaw", "neck"))}
    start["pos_embed"] = torch.randn(1, 2 + 14 * 14, 32)
    start |= {
        "dist_token": torch.ones(1),
        "head.weight": torch.ones(9),
        "mask_token": torch.ones(1),
    }
    adapted = model.adapt_start(start)
    assert set(adapted) - set(model.state_dict()) == set()
    assert torch.equal(adapted["pos_embed"][:, 0], start["pos_embed"][:, 0])
    assert adapted["pos_embed"].shape == model.pos_embed.shape
    assert torch.equal(adapted["jigsaw.block.attn.qkv.weight"], start["blocks.1.attn.qkv.weight"])
    assert torch.equal(adapted["jigsaw.norm.bias"], start["norm.bias"])
    with pytest.raises(WeightsError, match="of 131 patches, and the grid"):
        model.adapt_start({"pos_embed": torch.zeros(1, 132, 32)})


def test_depths_begin_at_the_patches_and_end_at_the_classifiers():
    model = tiny(num_cameras=2, cameras="yes", jigsaw="yes")
    depths = {name: model.depth_of(name) for name, _ in model.named_parameters()}
    first = ("patch_embed.proj.bias", "cls_token", "pos_embed", "camera_embedding.weight")
    last = ("norm.weight", "neck.norm.weight", "jigsaw.norm.bias", "jigsaw.classifiers.3.weight")
    assert {depths[name] for name in first} == {0}
    assert depths["blocks.0.attn.qkv.weight"] == 1
    assert depths["blocks.1.mlp.fc2.bias"] == depths["jigsaw.block.mlp.fc2.bias"] == 2
    assert {depths[name] for name in (*last, "classifier.weight")} == {3}


THEIRS = (
    ("camera_embedding.weight", "base.sie_embed"),
    ("blocks.1.", "b1.0."),
    ("norm.", "b1.1."),
    ("jigsaw.block.", "b2.0."),
    ("jigsaw.norm.", "b2.1."),
    ("neck.norm.", "bottleneck."),
    *((f"jigsaw.necks.{part}.norm.", f"bottleneck_{part + 1}.") for part in range(4)),
    *((f"jigsaw.classifiers.{part}.", f"classifier_{part + 1}.") for part in range(4)),
    ("classifier.", "classifier."),
    ("", "base."),
)


def as_transreid_saves(model):
    """The weights of a model by the names of a file of TransReID's `train.py`, and what else."""
    file = {}
    for name, value in model.state_dict().items():
        ours, theirs = next(pair for pair in THEIRS if name.startswith(pair[0]))
        file[theirs + name.removeprefix(ours)] = value
    file["base.sie_embed"] = file["base.sie_embed"][:, None]
    unused = ("base.fc.weight", "base.blocks.1.norm1.weight", "base.norm.weight")
    del file["base.camera_embedding.camids"]
    return file | {"bottleneck.bias": torch.zeros(32)} | dict.fromkeys(unused, torch.zeros(1))


def test_a_model_that_transreid_trained_becomes_ours():
    trained = tiny(num_cameras=3, cameras="yes", jigsaw="yes")
    adapted = trained.adapt_start(as_transreid_saves(trained))
    state = trained.state_dict()
    assert adapted.keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in adapted.items())
    without = tiny().adapt_start(as_transreid_saves(trained))
    assert without.keys() == tiny().state_dict().keys()
