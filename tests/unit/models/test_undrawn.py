"""Models without numbers: as others are, and made without torch's compiler."""

import subprocess
import sys

import pytest

from crosscam.models.registry import MODELS, build_model, outline_model


@pytest.mark.parametrize("name", ["lightres", "osnet_x0_25", "hacnn"])
def test_an_outline_has_the_shapes_of_the_model(name):
    assert name in MODELS
    outline = outline_model(name, num_classes=3).state_dict()
    shapes = {key: (value.shape, value.dtype) for key, value in outline.items()}
    built = build_model(name, num_classes=3).state_dict()
    assert shapes == {key: (value.shape, value.dtype) for key, value in built.items()}
    assert all(value.is_meta for value in outline.values())


@pytest.mark.slow
def test_no_outline_waits_for_the_compiler():
    code = (
        "import sys; from crosscam.models.registry import list_models, outline_model;"
        "[outline_model(name, num_classes=3) for name in list_models()];"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
