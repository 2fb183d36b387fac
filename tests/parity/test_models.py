"""Models against the reference values: names, parameters, features, logits."""

import json

import golden
import numpy as np
import pytest
import torch

import crosscam

EXPECTED = json.loads((golden.DATA / "models.json").read_text(encoding="utf-8"))
NAMES = sorted(EXPECTED)
LOGITS = ("logits", "logits0", "logits1")  # HACNN has two classifiers


@pytest.fixture(params=NAMES)
def case(request):
    """A filled model with its expectations and reference arrays."""
    expected = EXPECTED[request.param]
    model = crosscam.create_model(request.param, num_classes=expected["classes"])
    return golden.fill(model), expected, golden.load(request.param)


def test_the_state_dict_has_the_reference_names_shapes_and_dtypes(case):
    model, expected, _ = case
    own = [
        [name, list(value.shape), str(value.dtype).removeprefix("torch.")]
        for name, value in model.state_dict().items()
    ]
    assert own == expected["state_dict"]


def test_sizes_are_the_reference_ones(case):
    model, expected, _ = case
    assert crosscam.count_parameters(model) == expected["parameters_without_classifier"]
    assert sum(p.numel() for p in model.parameters()) == expected["parameters_total"]
    assert model.feature_dim == expected["feature_dim"]
    assert model.input_size == (expected["height"], expected["width"])


def test_features_and_logits_are_the_reference_ones(case):
    model, expected, reference = case
    images = golden.images(2, expected["height"], expected["width"])
    with torch.inference_mode():
        features = model.eval()(images)
        output = golden.frozen_train(model)(images)
    assert _error(features, reference["features"]) < 1e-5
    assert _error(output.features, reference["features"]) < 1e-5
    expected_logits = [reference[name] for name in LOGITS if name in reference]
    for logits, expected in zip(output.logits, expected_logits, strict=True):
        assert _error(logits, expected) < 1e-5


def _error(value, reference):
    return np.abs(value.numpy() - reference).max() / np.abs(reference).max()
