"""What is chosen of an architecture behind a colon of its name."""

import re
from pathlib import Path

import pytest
import torch

import crosscam
from crosscam.errors import ModelError
from crosscam.models.registry import MODELS, SWITCHED, outline_model
from crosscam.models.switches import parse_switches, plain_name

KNOWN = {"last_stride": ("2", "1"), "ibn": ("none", "a", "b")}


def test_what_is_not_chosen_is_left_at_the_first_value():
    assert plain_name("resnet50:ibn=a") == plain_name("resnet50") == "resnet50"
    assert parse_switches("resnet50", KNOWN) == {"last_stride": "2", "ibn": "none"}
    assert parse_switches("resnet50:ibn=b", KNOWN) == {"last_stride": "2", "ibn": "b"}
    both = parse_switches("resnet50:ibn=a,last_stride=1", KNOWN)
    assert both == {"last_stride": "1", "ibn": "a"}


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("resnet50:", "''"),
        ("resnet50:ibn", "'ibn'"),
        ("resnet50:ibn=c", "'ibn=c'"),
        ("resnet50:stride=1", "'stride=1'"),
        ("resnet50:ibn=a,ibn=a", "'ibn=a'"),
    ],
)
def test_what_it_does_not_have_is_refused_with_what_it_has(name, fault):
    has = "it has last_stride=2 or 1; ibn=none or a or b"
    with pytest.raises(ModelError, match=f"{fault} is no switch of resnet50, .*{has}"):
        parse_switches(name, KNOWN)


def test_a_model_without_switches_is_refused_with_those_that_have_some():
    able = ", ".join(sorted(SWITCHED))
    with pytest.raises(ModelError, match=f"mlfn has no switches; models that have some: {able}"):
        crosscam.create_model("mlfn:last_stride=1", num_classes=2)


@pytest.mark.parametrize("name", sorted(SWITCHED))
def test_all_at_their_first_values_are_the_plain_architecture(name):
    plain = MODELS[name]
    with torch.device("meta"):
        expected = plain(3)
    left = outline_model(name, num_classes=3)
    assert str(left) == str(expected)
    first = ",".join(f"{key}={values[0]}" for key, values in SWITCHED[name].known.items())
    assert str(outline_model(f"{name}:{first}", num_classes=3)) == str(expected)


@pytest.mark.parametrize(("name", "height"), [("resnet18", 4), ("resnet18:last_stride=1", 8)])
def test_a_last_stride_of_1_keeps_the_last_map_as_large_as_the_one_before(name, height):
    model = crosscam.create_model(name, num_classes=2).eval()
    with torch.inference_mode():
        shape = model.forward_map(torch.zeros(1, 3, 128, 64)).shape
    assert shape == (1, 512, height, height // 2)


def test_the_documentation_has_them_all_with_their_values():
    text = (Path(__file__).parents[3] / "docs" / "models.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:4] for line in text.splitlines() if re.match(r"\| `\w+` \| `", line)]
    said = {
        (model, *re.findall(r"`(\w+)`", switch), *re.findall(r"`([^`]+)`", values))
        for switch, values, models in rows
        for model in re.findall(r"`([\w]+)`", models)
    }
    has = {
        (name, key, *values)
        for name, one in SWITCHED.items()
        if not name.startswith("vit_")
        for key, values in one.known.items()
    }
    assert said == has
