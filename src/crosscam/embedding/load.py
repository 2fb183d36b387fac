"""A trained model by name or by path, ready to embed pictures, on a runtime."""

import os
from pathlib import Path
from typing import Literal

import torch

from crosscam.choices import Metric, Precision, Runtime
from crosscam.data.progress import OnNote, unheard
from crosscam.data.transforms import Preprocess
from crosscam.devices import resolve_device
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.network import Network, TorchNetwork
from crosscam.embedding.runtimes.choosing import choose_network
from crosscam.embedding.runtimes.conversions import converted
from crosscam.embedding.runtimes.onnx_embedder import is_onnx, open_onnx
from crosscam.embedding.runtimes.onnx_network import OnnxNetwork
from crosscam.errors import DeviceError, InputError, WeightsError
from crosscam.models.base import ReIDModel
from crosscam.weights.downloads import OnBytes
from crosscam.weights.load import open_model
from crosscam.weights.saved import ModelCard


def load_embedder(
    name_or_path: str | os.PathLike[str],
    *,
    runtime: Runtime | Literal["auto"] = "auto",
    device: str = "auto",
    precision: Precision = "float32",
    preprocess: Preprocess | None = None,
    metric: Metric | None = None,
    architecture: str | None = None,
    on_bytes: OnBytes | None = None,
    on_note: OnNote | None = None,
) -> Embedder:
    """A trained model with its preprocessing, metric, calibration and card.

    `name_or_path` is a run's folder or the `model.safetensors` in it; a published checkpoint such
    as `resnet50_xent_market1501.pth.tar`, whose model is told by the beginning of its name or by
    `architecture`; the name of published weights, such as `resnet50-xent-market1501`, which are
    looked for on this machine and then fetched; or an `.onnx` file, one that crosscam exported or
    another's, whose `preprocess` and `metric` are then to be given.

    `runtime` is "torch", "onnx" (ONNX Runtime) or "openvino"; "auto" is the fastest of those that
    are installed and agree with torch, which is measured once and then remembered; on a GPU that is
    torch, and for an ONNX file ONNX Runtime where it is there. `device` is "auto", a GPU where
    there is one, or a name that torch knows; other runtimes have "cpu" alone. `precision` is
    "float32", or "bf16" where a runtime and the machine have it.

    `on_bytes` is told how far a download is: bytes so far, and in all where that is known.
    `on_note` is told which runtime was taken, and what else should be known.

    Nothing in a file is executed. Raises `WeightsError` if there is no such model, if it cannot be
    had, or if the file is not what it should be; `DeviceError` for a device or a precision that is
    not here; `ExtraError` for a runtime that is not installed; `InputError` for what does not go
    together.
    """
    note = on_note or unheard
    place = resolve_device(device)
    if precision not in ("float32", "bf16"):
        raise InputError(f'precision is "float32" or "bf16", not {precision!r}')
    if runtime not in ("auto", "torch", "onnx", "openvino"):
        raise InputError(f'runtime is "auto", "torch", "onnx" or "openvino", not {runtime!r}')
    if is_onnx(name_or_path):
        if runtime == "torch" or architecture is not None:
            raise InputError(f"{name_or_path}: an ONNX file runs on onnx or openvino, as it is")
        _refuse_gpu(runtime, device)
        return open_onnx(
            name_or_path,
            runtime=None if runtime == "auto" else runtime,
            precision=precision,
            preprocess=preprocess,
            metric=metric,
            on_note=note,
        )
    _refuse_exported_by_torch(name_or_path)
    if preprocess is not None or metric is not None:
        raise InputError(f"{name_or_path} says its own preprocessing and metric; leave them out")
    if runtime in ("onnx", "openvino"):
        _refuse_gpu(runtime, device)
        place = torch.device("cpu")
    model, card = open_model(name_or_path, architecture=architecture, on_bytes=on_bytes)
    return Embedder(
        _network(model.to(place), card, runtime, precision, note),
        card.input.to_preprocess(),
        card.metric,
        card.calibration,
        card,
        card.weights_sha256,
    )


def _network(
    model: ReIDModel,
    card: ModelCard,
    runtime: Runtime | Literal["auto"],
    precision: Precision,
    on_note: OnNote,
) -> Network:
    if runtime == "auto":
        return choose_network(model, card, precision=precision, on_note=on_note)
    if runtime == "torch":
        return TorchNetwork(model, autocast=precision == "bf16")
    onnx = converted(model, card, on_note=on_note)
    size = (card.input.height, card.input.width)
    return OnnxNetwork(onnx, runtime=runtime, size=size, precision=precision)


def _refuse_gpu(runtime: str, device: str) -> None:
    if device not in ("auto", "cpu"):
        raise DeviceError(f"runtime {runtime} is for the processor; use device cpu, or torch")


def _refuse_exported_by_torch(name_or_path: str | os.PathLike[str]) -> None:
    if Path(name_or_path).suffix.lower() == ".pt2":
        raise WeightsError(
            f"{name_or_path}: reading a .pt2 can run code that is in it, so crosscam does not; use "
            "an .onnx file or the run's folder, or torch.export.load if you trust whoever made it"
        )
