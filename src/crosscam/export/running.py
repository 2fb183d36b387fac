"""An exported file as what stands behind an embedder, on the runtime that it is meant for."""

import io
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from crosscam.choices import Precision, Runtime
from crosscam.data.transforms import Preprocess
from crosscam.embedding.network import Network
from crosscam.embedding.runtimes.onnx_file import read_onnx
from crosscam.embedding.runtimes.onnx_network import OnnxNetwork
from crosscam.export.formats import Target


@dataclass(frozen=True, eq=False)
class ProgramNetwork:
    """A program of `torch.export` as a `crosscam.embedding.network.Network`, on the processor.

    built_in: the preprocessing that is part of it, and is undone; None where there is none.
    """

    module: nn.Module
    feature_dim: int
    built_in: Preprocess | None

    @property
    def uses_cameras(self) -> bool:
        """No exported model does."""
        return False

    @property
    def runtime(self) -> Runtime:
        """PyTorch."""
        return "torch"

    @property
    def precision(self) -> Precision:
        """That of the weights."""
        return "float32"

    @property
    def device(self) -> torch.device:
        """The processor."""
        return torch.device("cpu")

    def __call__(self, images: Tensor, camids: Tensor | None) -> Tensor:
        """See `Network`."""
        _ = camids
        if self.built_in is not None:
            images = torch.from_numpy(self.built_in.pixels_of(images))
        with torch.inference_mode():
            features: Tensor = self.module(images)
            return features


def open_exported(
    file: Path, to: Target, *, preprocess: Preprocess, feature_dim: int, with_preprocessing: bool
) -> Network:
    """What was just exported to `file`: of ONNX, as `load_embedder` opens it, on ONNX Runtime."""
    if to == "onnx":
        size = (preprocess.height, preprocess.width)
        return OnnxNetwork(read_onnx(file), runtime="onnx", size=size)
    module = torch.export.load(io.BytesIO(file.read_bytes())).module()
    return ProgramNetwork(module, feature_dim, preprocess if with_preprocessing else None)
