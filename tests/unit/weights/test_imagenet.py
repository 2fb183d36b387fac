"""ImageNet weights: found, fetched, checked by hash, and never replaced by a random start."""

import hashlib
import re
from pathlib import Path

import golden
import pytest
import torch
from serving import Served, serving

import crosscam
from crosscam.errors import WeightsError
from crosscam.models.registry import outline_model
from crosscam.settings.head import Head
from crosscam.weights import imagenet
from crosscam.weights.fitting import fit_weights
from crosscam.weights.imagenet import IMAGENET_FILES, ImageNetFile, imagenet_file, start_name

NOWHERE = "http://127.0.0.1:9/"


def serve_resnet18_from(folder_url, path, monkeypatch):
    known = ImageNetFile(folder_url + path.name, "fc.")
    monkeypatch.setattr(imagenet, "IMAGENET_FILES", {"resnet18": known})


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A file like torchvision's ResNet-18, under a name that says its hash."""
    torch.manual_seed(5)
    source = crosscam.create_model("resnet18", num_classes=1)
    weights = {k: v for k, v in source.state_dict().items() if not k.startswith("classifier.")}
    weights["fc.weight"], weights["fc.bias"] = torch.zeros(1000, 512), torch.zeros(1000)
    folder = tmp_path / "served"
    folder.mkdir()
    torch.save(weights, folder / "new.pth")
    digest = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()[:8]
    path = folder / f"resnet18-{digest}.pth"
    (folder / "new.pth").rename(path)
    serve_resnet18_from(NOWHERE, path, monkeypatch)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return path, source


def cached(tmp_path):
    """What is in torch's cache, hidden files too."""
    folder = tmp_path / "hub" / "checkpoints"
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def starts_from(model, source):
    return torch.equal(model.layer4[1].conv2.weight, source.layer4[1].conv2.weight)


def test_a_file_by_its_path(made):
    path, source = made
    model = crosscam.create_model("resnet18", num_classes=3, weights=path)
    assert starts_from(model, source)
    assert model.classifier.weight.shape == (3, 512)


def test_they_fit_a_network_under_another_end(made):
    path, source = made
    head = Head(name="bnneck")
    model = crosscam.create_model("resnet18", num_classes=3, weights=path, head=head)
    assert starts_from(model.network, source)
    assert model.classifier.weight.shape == (3, 512)


@pytest.mark.parametrize("name", ["imagenet", "IMAGENET1K_V1", None])
def test_a_file_in_torchvisions_cache_by_its_names(made, tmp_path, name):
    path, source = made
    cache = tmp_path / "hub" / "checkpoints" / path.name
    cache.parent.mkdir(parents=True)
    cache.write_bytes(path.read_bytes())
    model = crosscam.create_model("resnet18", num_classes=3, weights=name or path.name)
    assert starts_from(model, source)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["imagenet", "IMAGENET1K_V1", None, "file", "http"])
def test_a_file_is_fetched_once_and_kept_as_torchvision_keeps_it(made, tmp_path, monkeypatch, name):
    path, source = made
    served = Served(path.read_bytes())
    told = []
    with serving(served) as url:
        serve_resnet18_from(url, path, monkeypatch)
        urls = {None: path.name, "file": path.as_uri(), "http": f"{url}mirror/{path.name}?x=1"}
        weights = urls.get(name, name)
        model = crosscam.create_model(
            "resnet18", num_classes=3, weights=weights, on_bytes=lambda *count: told.append(count)
        )
    assert starts_from(model, source)
    assert told[-1] == (len(served.content),) * 2
    assert cached(tmp_path) == [tmp_path / "hub" / "checkpoints" / path.name]
    for again in (weights, "imagenet"):
        model = crosscam.create_model("resnet18", num_classes=3, weights=again)
        assert starts_from(model, source)
    assert sum(served.sent) == (0 if name == "file" else len(served.content))


@pytest.mark.slow
def test_other_files_of_one_name_at_two_addresses_are_not_confused(made, tmp_path):
    _, source = made
    other = crosscam.create_model("resnet18", num_classes=2)
    for folder, model in (("a", source), ("b", other)):
        (tmp_path / folder).mkdir()
        torch.save(model.state_dict(), tmp_path / folder / "model.pth")
    for folder, expected in (("a", source), ("b", other), ("a", source)):
        url = (tmp_path / folder / "model.pth").as_uri()
        model = crosscam.create_model("resnet18", num_classes=2, weights=url)
        assert starts_from(model, expected)
    assert [file.name for file in cached(tmp_path)] == ["model.pth", "model.pth"]


@pytest.mark.slow
def test_the_file_of_another_address_and_name_is_known_by_its_hash(made):
    path, source = made
    renamed = path.rename(path.with_name("renamed.pth"))
    model = crosscam.create_model("resnet18", num_classes=3, weights=renamed.as_uri())
    assert starts_from(model, source)


@pytest.mark.slow
@pytest.mark.parametrize("by_url", [False, True])
def test_wrong_bytes_are_refused_and_not_kept(made, tmp_path, monkeypatch, by_url):
    path, _ = made
    with serving(Served(path.read_bytes()[:-1])) as url:
        serve_resnet18_from(url, path, monkeypatch)
        weights = url + path.name if by_url else "imagenet"
        with pytest.raises(WeightsError, match="could not be fetched .*SHA-256 begins with"):
            crosscam.create_model("resnet18", num_classes=3, weights=weights)
    assert cached(tmp_path) == []


@pytest.mark.parametrize("weights", ["imagenet", "http://127.0.0.1:9/{name}"])
def test_no_network_says_which_file_to_put_where(made, tmp_path, weights):
    path, _ = made
    with pytest.raises(WeightsError, match="the ImageNet weights could not be fetched") as caught:
        crosscam.create_model("resnet18", num_classes=3, weights=weights.format(name=path.name))
    expected = tmp_path / "hub" / "checkpoints" / path.name
    for part in (f"get {NOWHERE}{path.name}", str(expected), "weights=PATH", "weights=none"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://x/y.pth", "fetches from http"),
        ("http://x", "names no file"),
        ("http://x/..", "names no file"),
        ("http://x/?y=z.pth", "names no file"),
        ("http://[/y.pth", "could not be fetched"),
    ],
)
def test_addresses_that_cannot_be_fetched(made, tmp_path, url, message):
    with pytest.raises(WeightsError, match=message):
        crosscam.create_model("resnet18", num_classes=3, weights=url)
    assert cached(tmp_path) == []


@pytest.mark.slow
def test_a_file_with_another_hash_is_refused(made):
    path, _ = made
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(WeightsError, match="its SHA-256 begins with"):
        crosscam.create_model("resnet18", num_classes=3, weights=path)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["{name}", "./{name}", "renamed.pth"])
def test_a_file_in_the_current_folder_by_any_name(made, monkeypatch, name):
    path, source = made
    if name == "renamed.pth":
        path.rename(path.with_name(name))
    monkeypatch.chdir(path.parent)
    weights = name.format(name=path.name)
    assert starts_from(crosscam.create_model("resnet18", num_classes=3, weights=weights), source)


def test_a_path_that_is_not_there(made):
    path, _ = made
    with pytest.raises(WeightsError, match="no such weight file"):
        crosscam.create_model("resnet18", num_classes=3, weights=Path("/nowhere") / path.name)


def test_a_model_without_imagenet_weights_says_so():
    known = "densenet121, mlfn, mobilenetv2_x1_4, nasnetmobile, osnet_ain_x1_0, "
    with pytest.raises(
        WeightsError, match=f"no ImageNet weights for mobilenetv2, only for {known}"
    ):
        crosscam.create_model("mobilenetv2", num_classes=3, weights="imagenet")


def test_the_known_files_are_the_first_ones():
    assert {name: (known.url, known.sha256) for name, known in IMAGENET_FILES.items()} == {
        "densenet121": (f"{TORCHVISION}densenet121-a639ec97.pth", "a639ec97"),
        "vit_base": (f"{TIMM}v0.1-vitjx/jx_vit_base_p16_224-80ecf9dd.pth", "80ecf9dd"),
        "vit_small": (f"{DEIT}deit_small_distilled_patch16_224-649709d9.pth", "649709d9"),
        "vit_small_d8": (f"{TIMM}v0.1-weights/vit_small_p16_224-15ec54c9.pth", "15ec54c9"),
        "nasnetmobile": (f"{CADENE}nasnetamobile-7e03cead.pth", "7e03cead"),
        "resnet101": (f"{TORCHVISION}resnet101-63fe2227.pth", "63fe2227"),
        "resnet101:ibn=a": (f"{IBN_NET}resnet101_ibn_a-59ea0ac6.pth", "59ea0ac6"),
        "resnet101:ibn=b": (f"{IBN_NET}resnet101_ibn_b-c55f6dba.pth", "c55f6dba"),
        "resnet18": (f"{TORCHVISION}resnet18-f37072fd.pth", "f37072fd"),
        "resnet18:ibn=a": (f"{IBN_NET}resnet18_ibn_a-2f571257.pth", "2f571257"),
        "resnet18:ibn=b": (f"{IBN_NET}resnet18_ibn_b-bc2f3c11.pth", "bc2f3c11"),
        "resnet50": (f"{TORCHVISION}resnet50-0676ba61.pth", "0676ba61"),
        "resnet50:ibn=a": (f"{IBN_NET}resnet50_ibn_a-d9d0bb7b.pth", "d9d0bb7b"),
        "resnet50:ibn=b": (f"{IBN_NET}resnet50_ibn_b-9ca61e85.pth", "9ca61e85"),
        "resnet50_fc512": (f"{TORCHVISION}resnet50-0676ba61.pth", "0676ba61"),
        "resnet50m": (f"{TORCHVISION}resnet50-0676ba61.pth", "0676ba61"),
    }


TORCHVISION = "https://download.pytorch.org/models/"
IBN_NET = "https://github.com/XingangPan/IBN-Net/releases/download/v1.0/"
TIMM = "https://github.com/rwightman/pytorch-image-models/releases/download/"
DEIT = "https://dl.fbaipublicfiles.com/deit/"
CADENE = "http://data.lip6.fr/cadene/pretrainedmodels/"
OLD = {"densenet121": "classifier.", "nasnetmobile": "last_linear."}
SOURCE = {"resnet50_fc512": "resnet50", "resnet50m": "resnet50"}
DRAWN = {"resnet50_fc512": {"fc"}, "resnet50m": {"fc_fusion"}}


def old_name(name):
    """What a file of 2017 calls a layer of a model."""
    return re.sub(r"(denselayer\d+)\.(norm|conv)([12])\.", r"\1.\2.\3.", name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["densenet121", "nasnetmobile", "resnet50", *SOURCE])
def test_an_old_file_becomes_a_models_start(name, tmp_path, monkeypatch):
    known = IMAGENET_FILES[name]
    source = golden.fill(crosscam.create_model(SOURCE.get(name, name), num_classes=1))
    weights = {
        key: value
        for key, value in source.state_dict().items()
        if not key.startswith("classifier.") and not key.endswith("num_batches_tracked")
    }
    old = OLD.get(name, "fc.")
    file = {old_name(key): value for key, value in weights.items()}
    file |= {f"{old}weight": torch.zeros(1000, 4), f"{old}bias": torch.zeros(1000)}
    torch.save(file, tmp_path / "file")
    digest = hashlib.sha256((tmp_path / "file").read_bytes()).hexdigest()[:8]
    path = (tmp_path / "file").rename(tmp_path / f"weights-{digest}.pth")
    here = ImageNetFile(path.as_uri(), known.old_classifier, known.new)
    monkeypatch.setattr(imagenet, "IMAGENET_FILES", {name: here})
    model = crosscam.create_model(name, num_classes=3, weights=path)
    state = model.state_dict()
    assert all(torch.equal(state[key], value) for key, value in weights.items())
    assert ("features.denseblock4.denselayer16.conv.2.weight" in file) == (name == "densenet121")
    drawn = {key.split(".")[0] for key in state.keys() - source.state_dict().keys()}
    assert drawn == DRAWN.get(name, set())


def test_layers_that_are_new_stay_as_drawn_and_all_others_must_be_there():
    model = crosscam.create_model("resnet18", num_classes=2)
    drawn = model.layer4[0].conv1.weight.clone()
    source = crosscam.create_model("resnet18", num_classes=2)
    weights = {
        name: value
        for name, value in source.state_dict().items()
        if not name.startswith(("classifier.", "layer4."))
    }
    with pytest.raises(WeightsError, match="x lacks: layer4"):
        fit_weights(model, weights, source="x")
    loaded = fit_weights(model, weights, source="x", new=("layer4.",))
    assert torch.equal(model.layer4[0].conv1.weight, drawn)
    assert torch.equal(model.conv1.weight, source.conv1.weight)
    assert {name.split(".")[0] for name in loaded.missing} == {"layer4", "classifier"}


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("resnet50", "resnet50-0676ba61.pth"),
        ("resnet50:last_stride=1,nonlocal=yes,mixstyle=yes", "resnet50-0676ba61.pth"),
        ("resnet50:ibn=none", "resnet50-0676ba61.pth"),
        ("resnet50:last_stride=1,ibn=a,stem=fastreid", "resnet50_ibn_a-d9d0bb7b.pth"),
        ("resnet101:ibn=b", "resnet101_ibn_b-c55f6dba.pth"),
    ],
)
def test_of_the_switches_instance_normalisation_alone_has_other_files(name, file):
    assert imagenet_file(name).name == file
    assert start_name("osnet_x1_0:mixstyle=yes") == "osnet_x1_0"


@pytest.mark.parametrize("form", ["none", "a"])
def test_a_network_with_switches_starts_from_its_own_file(form, tmp_path, monkeypatch):
    source = crosscam.create_model(f"resnet18:ibn={form}", num_classes=1)
    weights = {k: v for k, v in source.state_dict().items() if not k.startswith("classifier.")}
    torch.save(weights | {"fc.weight": torch.zeros(1000, 512)}, tmp_path / "file")
    digest = hashlib.sha256((tmp_path / "file").read_bytes()).hexdigest()[:8]
    path = (tmp_path / "file").rename(tmp_path / f"weights-{digest}.pth")
    name = "resnet18" if form == "none" else "resnet18:ibn=a"
    here = ImageNetFile(path.as_uri(), "fc.")
    monkeypatch.setattr(imagenet, "IMAGENET_FILES", {name: here})
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    model = crosscam.create_model(
        f"resnet18:last_stride=1,ibn={form}", num_classes=3, weights="imagenet"
    )
    assert starts_from(model, source)
    with pytest.raises(WeightsError, match="no ImageNet weights for resnet18:ibn=b"):
        crosscam.create_model("resnet18:ibn=b", num_classes=3, weights="imagenet")


def test_non_local_blocks_stay_as_drawn():
    assert all("non_local" in IMAGENET_FILES[name].new for name in ("resnet50", "resnet101:ibn=a"))
    names = outline_model("resnet50:nonlocal=yes", num_classes=1).state_dict()
    plain = outline_model("resnet50", num_classes=1).state_dict()
    new = IMAGENET_FILES["resnet50"].new
    assert all(name.startswith(new) for name in names.keys() - plain.keys())
    assert not any(name.startswith("non_local") for name in plain)
