"""Reference values, and the rule that fills any model with the weights they were computed with."""

import hashlib
import math
from pathlib import Path

import numpy as np
import torch

DATA = Path(__file__).parents[1] / "data"


def load(name):
    """The arrays of `tests/data/<name>.npz`."""
    with np.load(DATA / f"{name}.npz") as arrays:
        return {key: arrays[key] for key in arrays.files}


def filled(name, shape):
    """The float32 array for the `state_dict` entry `name` of `shape`."""
    digest = hashlib.sha256(name.encode()).digest()
    values = np.random.default_rng(int.from_bytes(digest[:8], "little")).standard_normal(shape)
    leaf = name.rsplit(".", 1)[-1]
    if leaf == "running_var":
        values = 1.0 + 0.25 * np.abs(values)
    elif leaf == "running_mean":
        values = 0.05 * values
    elif values.ndim >= 2:
        values = values * math.sqrt(1.0 / np.prod(shape[1:]))
    elif leaf == "bias":
        values = 0.02 * values
    else:  # the weight of a normalisation layer
        values = 1.0 + 0.05 * values
    return values.astype(np.float32)


def fill(model):
    """Overwrite every floating-point entry of a model's `state_dict`."""
    state = model.state_dict()
    for name, value in state.items():
        if value.is_floating_point():
            array = np.asarray(filled(name, tuple(value.shape)))
            state[name] = torch.from_numpy(array).reshape(value.shape)
    model.load_state_dict(state)
    return model


def images(count, height, width, seed=0):
    """(count, 3, height, width) float32: 8 x 4 flat random patches, so that features differ."""
    patches = np.random.default_rng(seed).standard_normal((count, 3, 8, 4))
    return torch.from_numpy(
        np.kron(patches, np.ones((1, 1, height // 8, width // 4))).astype(np.float32)
    )


def frozen_train(model):
    """Training mode, so that logits come out, with normalisation and dropout as in eval mode."""
    model.train()
    for module in model.modules():
        if isinstance(module, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.Dropout)):
            module.eval()
    return model
