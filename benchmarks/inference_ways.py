"""The ways of computing features that `inference.py` compares, each a network of an embedder."""

import copy
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from crosscam.choices import Precision, Runtime
from crosscam.embedding.conversion import to_onnx
from crosscam.embedding.network import Network
from crosscam.embedding.runtimes.sessions import Session, open_onnx_runtime, open_openvino
from crosscam.extras import has_module
from crosscam.models.base import ReIDModel

PLAIN = "torch"


class UnavailableError(Exception):
    """A way that this machine or environment does not have."""


@dataclass(frozen=True)
class Computed:
    """A `Network` whose features a function computes."""

    compute: Callable[[Tensor], Tensor]
    feature_dim: int
    runtime: Runtime = "torch"
    precision: Precision = "float32"
    uses_cameras: bool = False

    @property
    def device(self) -> torch.device:
        """The processor."""
        return torch.device("cpu")

    def __call__(self, images: Tensor, camids: Tensor | None) -> Tensor:  # noqa: ARG002
        """See `Network`."""
        with torch.inference_mode():
            return self.compute(images)


def plain(model: ReIDModel, example: Tensor, threads: int) -> Network:  # noqa: ARG001
    """The model as it is."""
    return Computed(model, model.feature_dim)


def channels_last(model: ReIDModel, example: Tensor, threads: int) -> Network:  # noqa: ARG001
    """Weights and images with the channels of a pixel side by side."""
    laid_out = copy.deepcopy(model).to(memory_format=torch.channels_last)
    return Computed(
        lambda images: laid_out(images.contiguous(memory_format=torch.channels_last)),
        model.feature_dim,
    )


def bf16(model: ReIDModel, example: Tensor, threads: int) -> Network:  # noqa: ARG001
    """The same in bfloat16, where the processor computes in it."""
    if not native_bf16():
        raise UnavailableError("the processor has no arithmetic of bfloat16")
    laid_out = copy.deepcopy(model).to(torch.bfloat16).to(memory_format=torch.channels_last)
    return Computed(
        lambda images: laid_out(
            images.to(torch.bfloat16, memory_format=torch.channels_last)
        ).float(),
        model.feature_dim,
        precision="bf16",
    )


def compiled(model: ReIDModel, example: Tensor, threads: int) -> Network:  # noqa: ARG001
    """torch.compile, for each size of batch."""
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        raise UnavailableError("no C++ compiler")
    return Computed(torch.compile(copy.deepcopy(model), dynamic=False), model.feature_dim)


def onnxruntime(model: ReIDModel, example: Tensor, threads: int) -> Network:
    """ONNX Runtime, as crosscam runs it."""
    if not has_module("onnxruntime"):
        raise UnavailableError("onnxruntime is not installed")
    content = _converted(model, example)
    session = open_onnx_runtime(content, source="the model", threads=threads)
    return _of_session(session, model, "onnx", "float32")


def openvino(model: ReIDModel, example: Tensor, threads: int) -> Network:
    """OpenVINO in float32, as crosscam runs it."""
    return _openvino(model, example, threads, "float32")


def openvino_bf16(model: ReIDModel, example: Tensor, threads: int) -> Network:
    """OpenVINO in bfloat16, where the processor computes in it."""
    if not native_bf16():
        raise UnavailableError("the processor has no arithmetic of bfloat16")
    return _openvino(model, example, threads, "bf16")


def _openvino(model: ReIDModel, example: Tensor, threads: int, precision: Precision) -> Network:
    if not has_module("openvino"):
        raise UnavailableError("openvino is not installed")
    content = _converted(model, example)
    session = open_openvino(content, source="the model", threads=threads, precision=precision)
    return _of_session(session, model, "openvino", precision)


@lru_cache(maxsize=1)
def _converted(model: ReIDModel, example: Tensor) -> bytes:
    """The model as ONNX, converted once for all that read it."""
    content: bytes = to_onnx(model, example).SerializeToString()
    return content


def _of_session(
    session: Session, model: ReIDModel, runtime: Runtime, precision: Precision
) -> Network:
    return Computed(
        lambda images: torch.from_numpy(session(images.numpy())),
        model.feature_dim,
        runtime=runtime,
        precision=precision,
    )


def native_bf16() -> bool:
    """Whether this processor computes in bfloat16, and does not only take it apart."""
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()  # noqa: SLF001


WAYS: Mapping[str, Callable[[ReIDModel, Tensor, int], Network]] = {
    PLAIN: plain,
    "torch, channels last": channels_last,
    "torch, bf16": bf16,
    "torch, compiled": compiled,
    "ONNX Runtime": onnxruntime,
    "OpenVINO": openvino,
    "OpenVINO, bf16": openvino_bf16,
}
