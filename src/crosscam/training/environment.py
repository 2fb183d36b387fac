"""What a run was computed with, so that it can be told why two runs differ."""

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import torch

from crosscam.data.fingerprint import TEST, TRAIN, combined, fingerprint
from crosscam.data.joining import DataSets
from crosscam.data.source import source_to_json
from crosscam.devices import device_name
from crosscam.models.timm_names import is_timm_name
from crosscam.recipe import Recipe
from crosscam.weights.saved import describe_start

# Where one of these has changed, a resumed run is not bit-equal to one without interruption.
BINDING = (
    *("crosscam", "torch", "timm", "numpy", "pillow"),
    *("device", "device_name", "threads", "memory_format", "autocast"),
)


def describe_environment(
    recipe: Recipe,
    data: DataSets,
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
        "initial_weights": describe_start(recipe.weights, recipe.weights_licence),
        "train_fingerprint": fingerprint(data.together, splits=TRAIN),
        **describe_test(data, with_baseline=with_baseline),
    }


def describe_test(data: DataSets, *, with_baseline: bool) -> dict[str, Any]:
    """What a test after training can change of an environment: the data as they are now.

    `data_sets` says the same of each of several data sets.
    """
    whole = data.together
    tests = data.tests or (whole,)
    return {
        "data": whole.name,
        "data_fingerprint": combined([fingerprint(one) for one in data.trained_on]),
        "test_fingerprint": combined([fingerprint(one, splits=TEST) for one in tests]),
        "data_counts": {
            "train": len(whole.train),
            "train_identities": whole.num_train_pids,
            "query": sum(len(one.query) for one in data.tests),
            "gallery": sum(len(one.gallery) for one in data.tests),
        },
        "left_out": dict(whole.left_out),
        "notes": list(whole.notes),
        "data_source": source_to_json(whole.source),
        "data_sets": [] if data.is_one else [*_describe_each(data)],
        "with_baseline": with_baseline,
    }


def _describe_each(data: DataSets) -> Iterator[dict[str, Any]]:
    for place, one in enumerate(data.all):
        yield {
            "data": one.name,
            "trained_on": place < len(data.trained_on),
            "data_fingerprint": fingerprint(one),
            "train_fingerprint": fingerprint(one, splits=TRAIN),
            "data_counts": {
                "train": len(one.train),
                "train_identities": one.num_train_pids,
                "query": len(one.query),
                "gallery": len(one.gallery),
            },
            "left_out": dict(one.left_out),
            "notes": list(one.notes),
            "terms": one.terms,
            "data_source": source_to_json(one.source),
        }


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What makes a resumed run no longer bit-equal, in words; empty if nothing does."""
    return [
        f"{key} was {before.get(key)}, is {now.get(key)}"
        for key in BINDING
        if before.get(key) != now.get(key)
    ]
