"""An exported file as what stands behind an embedder, on the runtime that it is meant for."""

import io
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from crosscam.choices import Precision, Runtime
from crosscam.data.transforms import Preprocess
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.network import Network
from crosscam.embedding.runtimes.onnx_file import read_onnx
from crosscam.embedding.runtimes.onnx_network import OnnxNetwork
from crosscam.export.formats import Target
from crosscam.models.camera_embedding import NO_CAMERA


@dataclass(frozen=True, eq=False)
class ProgramNetwork:
    """A program of `torch.export` as a `crosscam.embedding.network.Network`, on the processor.

    built_in: the preprocessing that is part of it, and is undone; None where there is none.
    known_cameras: those whose numbers are its second input, None where it has none.
    """

    module: nn.Module
    feature_dim: int
    built_in: Preprocess | None
    known_cameras: tuple[int, ...] | None = None

    @property
    def uses_cameras(self) -> bool:
        """Whether features depend on the cameras that took the images."""
        return self.known_cameras is not None

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
        cameras: tuple[Tensor, ...] = ()
        if self.uses_cameras:
            cameras = (torch.full((len(images),), NO_CAMERA) if camids is None else camids,)
        if self.built_in is not None:
            images = torch.from_numpy(self.built_in.pixels_of(images))
        with torch.inference_mode():
            features: Tensor = self.module(images, *cameras)
            return features


def open_exported(
    file: Path, to: Target, *, original: Embedder, with_preprocessing: bool
) -> Network:
    """What was just exported to `file`: of ONNX, as `load_embedder` opens it, on ONNX Runtime."""
    preprocess, network = original.preprocess, original.network
    if to == "onnx":
        size = (preprocess.height, preprocess.width)
        return OnnxNetwork(read_onnx(file), runtime="onnx", size=size)
    module = torch.export.load(io.BytesIO(file.read_bytes())).module()
    built_in = preprocess if with_preprocessing else None
    return ProgramNetwork(module, original.feature_dim, built_in, network.known_cameras)
