"""`hubconf.py`: what `torch.hub.load` gives of this repository, as it lies on the disk."""

import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
import torch
from tiny import card

import crosscam
from crosscam.weights.saved import save_card, save_weights

TOP = Path(__file__).parents[2]


def load(*arguments, **options):
    return torch.hub.load(str(TOP), *arguments, source="local", **options)


def test_every_architecture_has_an_entry():
    spec = spec_from_file_location("hubconf", TOP / "hubconf.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    entries = {name for name in dir(module) if callable(getattr(module, name))}
    assert {*crosscam.list_models(), "embedder"} <= entries  # as torch.hub.list looks for them
    assert "crosscam.create_model" in module.osnet_x0_25.__doc__
    model = load("lightres", num_classes=5)
    assert isinstance(model, torch.nn.Module)
    assert model.num_classes == 5
    with pytest.raises(RuntimeError, match="Cannot find callable nothing"):
        load("nothing")


def test_a_trained_model_is_an_embedder_without_an_install(tmp_path):
    """In a process that finds crosscam nowhere but beside `hubconf.py`."""
    model = crosscam.create_model("lightres", num_classes=2)
    digest = save_weights(tmp_path, model)
    save_card(tmp_path, card(model, architecture="lightres", weights_sha256=digest))
    embedder = load("embedder", str(tmp_path), device="cpu")
    assert embedder.feature_dim == model.feature_dim
    copy = tmp_path / "copy"
    shutil.copytree(TOP / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TOP / "hubconf.py", copy)
    code = (
        "import sys, importlib.util; found = importlib.util.find_spec;"
        "importlib.util.find_spec = lambda name, *more: None if name == 'crosscam' else "
        "found(name, *more);"
        f"import torch; it = torch.hub.load({str(copy)!r}, 'embedder', {str(tmp_path)!r},"
        "source='local', device='cpu'); import crosscam; print(crosscam.__file__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().startswith(str(copy))
