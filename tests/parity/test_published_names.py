"""The names of 2018 become today's, for every model whose names have changed since."""

import json
import re

import golden
import pytest

from crosscam.errors import WeightsError
from crosscam.models.registry import MODELS
from crosscam.weights.fitting import present_names


def read(name):
    return json.loads((golden.DATA / name).read_text(encoding="utf-8"))


FORMER = {model: dict(pairs) for model, pairs in read("published_names.json").items()}
TODAY = {
    model: [row[0] for row in case["state_dict"]] for model, case in read("models.json").items()
}


def dotted(name):
    """A name of DenseNet as the code before July 2018 wrote it: `norm.1` for `norm1`."""
    return re.sub(r"(\.denselayer\d+\.)(norm|conv)(\d)", r"\1\2.\3", name)


@pytest.fixture(scope="module", params=sorted(TODAY))
def case(request):
    """A model's name, and its rule for older names."""
    return request.param, MODELS[request.param](1).former_names


def renamed(names, rule):
    return list(present_names(dict.fromkeys(names), rule))


def test_the_names_of_2018_become_todays(case):
    model, rule = case
    today = {new: old for old, new in FORMER.get(model, {}).items()}
    assert renamed([today.get(name, name) for name in TODAY[model]], rule) == TODAY[model]


def test_todays_names_stay(case):
    model, rule = case
    assert renamed(TODAY[model], rule) == TODAY[model]


def test_every_listed_name_is_a_name_that_has_changed():
    for model, pairs in FORMER.items():
        assert set(pairs.values()) <= set(TODAY[model])
        assert not set(pairs) & set(TODAY[model])


def test_densenets_dots_are_understood_with_either_beginning():
    rule = MODELS["densenet121"](1).former_names
    for former, name in FORMER["densenet121"].items():
        assert renamed([dotted(former)], rule) == [name]
        assert renamed([dotted(name)], rule) == [name]
    assert dotted("base.denseblock1.denselayer1.norm1.weight").endswith("denselayer1.norm.1.weight")


@pytest.mark.parametrize(
    ("model", "one", "other", "name"),
    [
        ("resnet50", "conv1.weight", "base.0.weight", "conv1.weight"),
        (
            "densenet121",
            "base.denseblock1.denselayer2.conv.1.weight",
            "features.denseblock1.denselayer2.conv1.weight",
            "features.denseblock1.denselayer2.conv1.weight",
        ),
        ("resnet50m", "fc_fuse.0.bias", "fc_fusion.0.bias", "fc_fusion.0.bias"),
        ("mobilenetv2", "conv8.0.conv1.bn.bias", "block8.conv1.bn.bias", "conv8.0.conv1.bn.bias"),
    ],
)
def test_two_names_of_one_tensor_are_refused(model, one, other, name):
    message = f"^here has {re.escape(name)} twice, once as {re.escape(other)}; get it again$"
    with pytest.raises(WeightsError, match=message):
        present_names({one: None, other: None}, MODELS[model](1).former_names, source="here")
