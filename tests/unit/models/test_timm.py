"""timm's backbones: their names, what is chosen of them, their weights, and what is refused."""

import json
import sys

import golden
import pytest
import torch
from command import crosscam as command
from safetensors.torch import save_file
from timm_models import import_timm
from tiny import TINY

import crosscam
from crosscam.data.transforms import Preprocess
from crosscam.errors import ModelError, WeightsError
from crosscam.experiment.run import run_experiment
from crosscam.experiment.watcher import SilentWatcher
from crosscam.models.cost import count_multiply_adds
from crosscam.models.timm_names import TimmName, parse_timm_name
from crosscam.recipe import load_recipe


@pytest.fixture(scope="module")
def timm():
    return import_timm()


def make(name, **arguments):
    return crosscam.create_model(f"timm/{name}", num_classes=3, **arguments).eval()


def features_of(model, *size):
    with torch.inference_mode():
        return model(golden.images(2, *(size or model.input_size)))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("timm/resnet50", TimmName("resnet50")),
        ("timm/resnet50.a1_in1k", TimmName("resnet50.a1_in1k")),
        ("timm/x:pool=gem", TimmName("x", pool="gem")),
        ("timm/x:size=256x128,output_stride=16", TimmName("x", None, 16, (256, 128))),
    ],
)
def test_a_name_says_what_is_chosen(name, said):
    assert parse_timm_name(name) == said


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("timm/", "names no backbone"),
        ("timm/:pool=gem", "names no backbone"),
        ("timm/x:", "'' is no choice"),
        ("timm/x:gem", "'gem' is no choice"),
        ("timm/x:pool=avg,pool=max", "or one made twice"),
        ("timm/x:pool=mean", "pool is one of avg, max, avgmax, gem, token, not 'mean'"),
        ("timm/x:output_stride=4", "output_stride is one of 8, 16, 32, not '4'"),
        ("timm/x:size=256", "size is HEIGHTxWIDTH in pixels, each of 32 to 4096"),
        ("timm/x:size=16x128", "size is HEIGHTxWIDTH"),
        ("timm/x:size=\u0662\u0665\u0666x128", "size is HEIGHTxWIDTH"),
    ],
)
def test_a_name_that_says_nothing_known_is_refused(name, message):
    with pytest.raises(ModelError, match=message):
        parse_timm_name(name)


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("test_resent", "has no backbone 'test_resent'; did you mean test_resnet,"),
        ("vit_base_patch16_224_in21k", "did you mean vit_base_patch16_224,"),  # given up by timm
        ("%", r"no backbone '%'; timm.list_models\(\) lists them"),
        ("test_resnet.gone", "no weights 'gone' of test_resnet; it has test_resnet.r160_in1k"),
        ("test_vit:pool=gem", "pool=gem needs a network that pools one map"),
        ("test_resnet:pool=token", "cannot be made .*Invalid pool type: token"),
        ("test_vit:output_stride=16", "unexpected keyword argument 'output_stride'"),
        ("test_vit:size=100x50", "cannot be made for images of 100 x 50 pixels .*patch size"),
    ],
)
def test_what_timm_cannot_make_is_refused(name, message):
    with pytest.raises(ModelError, match=message):
        make(name)


def test_a_backbone_gives_what_timm_gives(timm):
    model = golden.fill(make("test_convnext"))
    theirs = timm.create_model("test_convnext", num_classes=0).eval()
    theirs.load_state_dict(model.backbone.state_dict())
    images = golden.images(2, 256, 128)
    with torch.inference_mode():
        assert torch.equal(model(images), theirs(images))


@pytest.mark.usefixtures("timm")
def test_pooling_is_what_is_chosen():
    pools = ("avg", "max", "avgmax", "gem")
    models = {pool: golden.fill(make(f"test_resnet:pool={pool}")) for pool in pools}
    models["gem"].backbone.global_pool.p.data.fill_(1.0)
    features = {pool: features_of(model) for pool, model in models.items()}
    assert torch.equal(features["avg"], features_of(golden.fill(make("test_resnet"))))
    torch.testing.assert_close(features["gem"], features["avg"])
    torch.testing.assert_close(features["avgmax"], (features["avg"] + features["max"]) / 2)
    assert (features["max"] > features["avg"]).any()
    tokens, means = (golden.fill(make(f"test_vit:pool={pool}")) for pool in ("token", "avg"))
    assert not torch.allclose(features_of(tokens), features_of(means))


@pytest.mark.usefixtures("timm")
def test_the_last_map_is_as_fine_as_chosen():
    coarse, fine = make("test_resnet"), make("test_resnet:output_stride=8")
    images = torch.zeros(1, 3, 256, 128)
    with torch.inference_mode():
        assert coarse.backbone.forward_features(images).shape[2:] == (8, 4)
        assert fine.backbone.forward_features(images).shape[2:] == (32, 16)
    assert count_multiply_adds(fine) > 2 * count_multiply_adds(coarse)
    assert fine.state_dict().keys() == coarse.state_dict().keys()


@pytest.mark.usefixtures("timm")
def test_tokens_take_other_sizes_than_they_were_made_for():
    model = make("test_vit")
    assert model.input_size == (256, 128)
    assert model.backbone.patch_embed.grid_size == (16, 8)
    assert features_of(model, 128, 64).shape == (2, model.feature_dim)
    with pytest.raises(ModelError, match="takes no images of 144 x 72 pixels: .*patch size"):
        features_of(model, 144, 72)


@pytest.mark.usefixtures("timm")
def test_what_takes_one_size_says_so():
    model = make("test_vit_relpos:size=64x32")
    assert features_of(model).shape == (2, model.feature_dim)
    with pytest.raises(ModelError, match="64 x 32 pixels .* only, not 128 x 64; .*size=128x64"):
        features_of(model, 128, 64)


def run_of(name, root, folder, watcher):
    choices = (*TINY, "schedule.epochs=1", "schedule.milestones=[]", f"model=timm/{name}")
    recipe = load_recipe("mobilenetv2-xent", choices)
    dataset = crosscam.load_dataset("market1501", root)
    return run_experiment(
        recipe, dataset, folder, resume=False, with_baseline=False, watcher=watcher
    )


@pytest.mark.slow
def test_a_run_is_normalised_as_its_backbone_wants_and_comes_back(timm, tiny_market, tmp_path):
    name = "test_resnet.r160_in1k:pool=gem,output_stride=16"
    made = run_of(name, tiny_market, tmp_path / "run", SilentWatcher())
    card = json.loads((tmp_path / "run" / "model.json").read_text())
    assert card["architecture"] == f"timm/{name}"
    environment = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert environment["timm"] == timm.__version__
    model = crosscam.load_model(tmp_path / "run")
    assert model.preprocess == Preprocess(64, 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    scores = crosscam.evaluate(model, crosscam.load_dataset("market1501", tiny_market))
    assert scores.mAP == made.outcome.scores.mAP


@pytest.fixture
def hub(timm, tmp_path, monkeypatch):
    """A cache of the hub, with weights of `test_resnet.r160_in1k`, and no network."""
    constants = sys.modules["huggingface_hub"].constants
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    source = golden.fill(timm.create_model("test_resnet"))
    kept = tmp_path / "models--timm--test_resnet.r160_in1k"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text("a" * 40)
    file = kept / "snapshots" / ("a" * 40) / "model.safetensors"
    file.parent.mkdir(parents=True)
    save_file(source.state_dict(), file)
    return source, file


@pytest.mark.parametrize("name", ["test_resnet", "test_resnet.r160_in1k:pool=gem"])
def test_imagenet_weights_are_timms_own(hub, name):
    source, _ = hub
    model = make(name, weights="imagenet")
    for key, value in model.backbone.state_dict().items():
        if not key.startswith("global_pool."):
            assert torch.equal(value, source.state_dict()[key]), key


def test_weights_that_do_not_fit_are_refused(hub):
    source, file = hub
    weights = source.state_dict()
    del weights["layer4.0.conv1.weight"]
    save_file(weights, file)
    with pytest.raises(WeightsError, match="could not be had: RuntimeError: .*loading state_dict"):
        make("test_resnet", weights="imagenet")


@pytest.mark.usefixtures("hub")
def test_weights_that_are_not_there_are_refused():
    with pytest.raises(WeightsError, match=r"could not be had: .*HF_HOME.*weights=none"):
        make("test_convnext", weights="imagenet")
    with pytest.raises(WeightsError, match="no weights for test_vit_relpos"):
        make("test_vit_relpos", weights="imagenet")


@pytest.mark.usefixtures("timm")
def test_weights_of_a_file_are_taken_too(tmp_path):
    model = golden.fill(make("test_vit"))
    torch.save(model.state_dict(), tmp_path / "w.pth")
    again = make("test_vit", weights=tmp_path / "w.pth")
    assert torch.equal(features_of(again), features_of(model))


def test_without_timm_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModelError, match=r"needs timm, .* pip install 'crosscam\[timm\]'"):
        crosscam.create_model("timm/resnet50", num_classes=3)


@pytest.mark.slow
def test_the_command_says_that_torchvision_is_another_build(tmp_path, monkeypatch):
    (tmp_path / "timm.py").write_text("raise RuntimeError('operator x::nms does not exist')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    done = command("models", "timm/resnet50", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "(operator x::nms does not exist); timm needs a torchvision" in done.stderr
