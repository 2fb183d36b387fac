"""ResNets of IBN-Net, FastReID and AGW: their names, and the features that their own code gives.

`resnets.npz` was made by filling networks of XingangPan/IBN-Net (d167338, ibnnet/resnet_ibn.py),
JDAI-CV/fast-reid (c9bc3ce, fastreid/modeling/backbones/resnet.py and heads/embedding_head.py),
michuanhaohao/reid-strong-baseline (3da7e6f, modeling/backbones/resnet.py) and mangye16/ReID-Survey
(38f5912, modeling/backbones/resnet_nl.py) as `golden.fill` fills ours, the last normalisation of
each block a tenth of that and GeM's power 2.5: every fourth feature of two images, and the SHA-256
of their names and shapes.
"""

import hashlib
import re

import golden
import pytest
import torch

import crosscam
from crosscam.errors import WeightsError
from crosscam.models.registry import outline_model
from crosscam.settings.head import Head

EXPECTED = golden.load("resnets")
SBS = Head(pool="gem", classifier="circle", compared="after")
AGW = Head(pool="gem", learn_power=False)
HEADED = {
    "sbs101": ("resnet101:last_stride=1,ibn=a,nonlocal=yes,stem=fastreid", SBS),
    "agw50": ("resnet50:last_stride=1,nonlocal=yes,stem=fastreid", AGW),
    "agw_authors": ("resnet50:last_stride=1,nonlocal=yes,stem=bot", Head(pool="gem")),
    "bot_authors": ("resnet50:last_stride=1,stem=bot", Head()),
    "bot50": ("resnet50:last_stride=1,stem=fastreid", Head(name="bnneck")),
}
FASTREID = (
    (r"^network\.non_local([23])\.", r"backbone.NL_\1."),
    (r"^network\.", "backbone."),
    (r"^neck\.norm\.", "heads.bottleneck.0."),
    (r"^pool\.", "heads.pool_layer."),
    (r"^classifier\.", "heads."),
)
FASTREID_2020 = (
    *FASTREID[:2],
    (r"^neck\.norm\.", "heads.bnneck."),
    (r"^classifier\.", "heads.classifier."),
)
LUO_2019 = ((r"^network\.non_local([23])", r"base.NL_\1"), (r"^network\.", "base."))
LUO_2019 = (*LUO_2019, (r"^neck\.norm\.", "bottleneck."), (r"^pool\.", "global_pool."))


def fill(model):
    golden.fill(model)
    for name, value in model.state_dict().items():
        if name.endswith(("bn3.weight", "bn3.bias")):
            value.mul_(0.1)
        elif name == "pool.p":
            value.fill_(2.5)
    return model


def features_of(model):
    with torch.inference_mode():
        return model.eval()(golden.images(2, 128, 64))


def renamed(model, rules):
    """A model's weights under others' names, with the shift of theirs that stays 0."""
    state = {}
    for own, value in {**model.state_dict(), "neck.norm.bias": torch.zeros(2048)}.items():
        name = own
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        state[name] = value
    return state


def digest(state):
    lines = sorted(f"{name} {tuple(value.shape)}" for name, value in state.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@pytest.mark.parametrize("key", HEADED)
def test_names_are_those_of_networks_with_a_head(key):
    name, head = HEADED[key]
    outline = outline_model(name, num_classes=5, head=head)
    rules = LUO_2019 if key.endswith("authors") else FASTREID
    assert digest(renamed(outline, rules)) == str(EXPECTED[f"{key}_names"])


@pytest.mark.parametrize("network", ["resnet18", "resnet50", "resnet101"])
@pytest.mark.parametrize("form", ["a", "b"])
def test_ibn_nets_names(network, form):
    state = outline_model(f"{network}:ibn={form}", num_classes=5).state_dict()
    theirs = {name: v for name, v in state.items() if not name.startswith("classifier.")}
    assert digest(theirs) == str(EXPECTED[f"{network}_ibn_{form}_names"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18:ibn=a", "resnet50:ibn=b"])
def test_ibn_nets_features(name):
    features = features_of(fill(crosscam.create_model(name, num_classes=5)))
    expected = EXPECTED[name.replace(":ibn=", "_ibn_")]
    torch.testing.assert_close(features[:, ::4], torch.from_numpy(expected), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "rules"), [("sbs101", FASTREID), ("agw50", FASTREID_2020), ("agw_authors", LUO_2019)]
)
def test_a_file_of_others_gives_their_features(key, rules, tmp_path):
    name, head = HEADED[key]
    source = fill(crosscam.create_model(name, num_classes=5, head=head))
    file = renamed(source, rules)
    if rules is FASTREID_2020:
        file["pixel_mean"] = torch.tensor([123.675, 116.28, 103.53])[None, :, None, None]
        file["pixel_std"] = torch.tensor([58.395, 57.12, 57.375])[None, :, None, None]
    torch.save({"model": file}, tmp_path / "theirs.pth")
    model = crosscam.create_model(name, num_classes=7, head=head, weights=tmp_path / "theirs.pth")
    features = features_of(model)
    expected = torch.from_numpy(EXPECTED[key])
    error = (features[:, ::4] - expected).abs().max() / expected.abs().max()
    assert error < 1e-5
    assert len(model.classifier.weight) == 7


@pytest.mark.parametrize(
    ("extra", "value"),
    [("heads.bottleneck.0.bias", 0.1), ("pixel_mean", 0.5), ("heads.other", 0.0)],
)
def test_what_is_not_what_it_has_to_be_is_refused(extra, value, tmp_path):
    head = Head(name="bnneck")
    source = crosscam.create_model("resnet18", num_classes=2, head=head)
    file = renamed(source, FASTREID)
    file["heads.bottleneck.0.bias"] = torch.zeros(512)
    file[extra] = torch.full((512 if "bias" in extra else 3,), value)
    torch.save(file, tmp_path / "theirs.pth")
    with pytest.raises(WeightsError, match="has what this model does not: "):
        crosscam.create_model("resnet18", num_classes=2, head=head, weights=tmp_path / "theirs.pth")
