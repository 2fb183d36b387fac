"""What a run was computed with, so that it can be told why two runs differ."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import torch

from crosscam.data.fingerprint import TEST, TRAIN, fingerprint
from crosscam.data.source import source_to_json
from crosscam.devices import device_name
from crosscam.models.timm_names import is_timm_name
from crosscam.recipe import Recipe
from crosscam.types import ReIDDataset
from crosscam.weights.saved import describe_start

# Where one of these has changed, a resumed run is not bit-equal to one without interruption.
BINDING = (
    *("crosscam", "torch", "timm", "numpy", "pillow"),
    *("device", "device_name", "threads", "memory_format", "autocast"),
)


def describe_environment(
    recipe: Recipe,
    dataset: ReIDDataset,
    *,
    device: torch.device,
    autocast: bool,
    threads: int,
    with_baseline: bool = False,
) -> dict[str, Any]:
    """Versions, machine, arithmetic, seed and data, as `environment.json` holds them.

    With where the data were read from and what else was asked for, so that the run can be gone on
    with by its folder alone.
    """
    return {
        "crosscam": version("crosscam"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "timm": version("timm") if is_timm_name(recipe.model) else None,
        "numpy": version("numpy"),
        "pillow": version("pillow"),
        "platform": platform.platform(),
        "device": str(device),
        "device_name": device_name(device),
        "threads": threads,
        "workers": recipe.workers,
        "memory_format": recipe.compute.memory_format,
        "autocast": "bf16" if autocast else "none",
        "seed": recipe.seed,
        "initial_weights": describe_start(recipe.weights),
        "train_fingerprint": fingerprint(dataset, splits=TRAIN),
        **describe_test(dataset, with_baseline=with_baseline),
    }


def describe_test(dataset: ReIDDataset, *, with_baseline: bool) -> dict[str, Any]:
    """What a test after training can change of an environment: the data as they are now."""
    return {
        "data": dataset.name,
        "data_fingerprint": fingerprint(dataset),
        "test_fingerprint": fingerprint(dataset, splits=TEST),
        "data_counts": {
            "train": len(dataset.train),
            "train_identities": dataset.num_train_pids,
            "query": len(dataset.query),
            "gallery": len(dataset.gallery),
        },
        "left_out": dict(dataset.left_out),
        "notes": list(dataset.notes),
        "data_source": source_to_json(dataset.source),
        "with_baseline": with_baseline,
    }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What makes a resumed run no longer bit-equal, in words; empty if nothing does."""
    return [
        f"{key} was {before.get(key)}, is {now.get(key)}"
        for key in BINDING
        if before.get(key) != now.get(key)
    ]
