"""An exported file on its own runtime, as what stands behind an embedder."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crosscam.choices import Precision, Runtime
from crosscam.data.transforms import Preprocess
from crosscam.embedding.conversion import INPUT_NAME, OUTPUT_NAME
from crosscam.export.pixels import to_pixels
from crosscam.extras import import_extra

Run = Callable[[Any], Tensor]


@dataclass(frozen=True, eq=False)
class ExportedNetwork:
    """An exported model as a `crosscam.embedding.network.Network`.

    run: from a batch as the file takes it, a NumPy array, to (N, D) float32 features.
    pixels_of: the preprocessing that is undone because it is built in; None where it is not.
    """

    run: Run
    feature_dim: int
    runtime: Runtime
    precision: Precision
    pixels_of: Preprocess | None

    @property
    def uses_cameras(self) -> bool:
        """No exported model does."""
        return False

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return torch.device("cpu")

    def __call__(self, images: Tensor, camids: Tensor | None) -> Tensor:
        """(N, 3, H, W) float32 images on the CPU to (N, D) float32 features on the CPU."""
        _ = camids
        taken = images.numpy() if self.pixels_of is None else to_pixels(images, self.pixels_of)
        return self.run(np.ascontiguousarray(taken))


def refuse_missing_runtime() -> None:
    """Raise `ExtraError` where ONNX Runtime is not installed."""
    _runtime()


def run_onnx(file: Path) -> Run:
    """What runs an ONNX file, by ONNX Runtime on the CPU, on as many threads as torch has."""
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = runtime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def run(batch: Any) -> Tensor:
        [features] = session.run([OUTPUT_NAME], {INPUT_NAME: batch})
        return torch.from_numpy(features)

    return run


def run_program(file: Path) -> Run:
    """What runs a file of `torch.export`, by torch on the CPU."""
    module = torch.export.load(io.BytesIO(file.read_bytes())).module()

    def run(batch: Any) -> Tensor:
        with torch.inference_mode():
            features: Tensor = module(torch.from_numpy(batch))
            return features

    return run


def _runtime() -> Any:
    return import_extra("onnxruntime", extra="onnx", purpose="checking an exported model")
