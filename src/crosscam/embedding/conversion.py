"""From a network of torch to ONNX, by torch's own exporter: what the other runtimes read."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import torch
from torch import Tensor, nn

from crosscam.errors import CrosscamError, ModelError
from crosscam.extras import import_extra
from crosscam.models.base import ReIDModel
from crosscam.screen import printable

OPSET = 18
INPUT_NAME, CAMERAS_NAME, OUTPUT_NAME = "images", "camids", "features"


def example_of(model: ReIDModel, size: tuple[int, int]) -> tuple[Tensor, ...]:
    """What a model can be given: two images of `size`, and their cameras where it uses them."""
    images = torch.zeros(2, 3, *size)
    return (images, torch.zeros(2, dtype=torch.int64)) if model.uses_cameras else (images,)


def to_onnx(network: nn.Module, *example: Tensor) -> Any:
    """An `onnx.ModelProto` of a network in eval mode, of any number of images.

    `example` is what the network is given: images, (2, ...), of the shape and type of each, and
    where it uses cameras their numbers, (2,) int64; the first axis is that of the batch. The inputs
    are named "images" and "camids", the output "features". Equal networks give equal bytes, and
    nothing in them says on which machine they were made. Raises `ExtraError` where onnx and
    onnxscript are not installed, and `ModelError` for a network that the exporter cannot convert.
    """
    refuse_missing_converter()
    with _exporting("ONNX"):
        program = torch.onnx.export(
            network,
            example,
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT_NAME, CAMERAS_NAME][: len(example)],
            output_names=[OUTPUT_NAME],
            dynamic_shapes=_any_number(len(example)),
            verbose=False,
        )
        assert program is not None
        model = program.model_proto
    _forget_where(model.graph)
    model.producer_name, model.producer_version = "crosscam", version("crosscam")
    return model


def to_program(network: nn.Module, *example: Tensor) -> torch.export.ExportedProgram:
    """A network in eval mode as a program of `torch.export`, of any number of images.

    `example` is that of `to_onnx`. Raises `ModelError` for a network that cannot be exported.
    """
    with _exporting("torch.export"):
        return torch.export.export(
            network, example, dynamic_shapes=_any_number(len(example)), strict=False
        )


def refuse_missing_converter() -> None:
    """Raise `ExtraError` where what the conversion to ONNX needs is not installed."""
    for module in ("onnx", "onnxscript"):
        import_extra(module, extra="onnx", purpose="converting a model to ONNX")


def _any_number(inputs: int) -> tuple[dict[int, Any], ...]:
    batch = torch.export.Dim("batch", min=1)
    return tuple({0: batch} for _ in range(inputs))


def _forget_where(graph: Any) -> None:
    """Take out of an `onnx.GraphProto` what the exporter notes of lines of code and their files."""
    for part in (*graph.node, *graph.value_info, *graph.input, *graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("metadata_props")


@contextmanager
def _exporting(to: str) -> Iterator[None]:
    """As torch's exporters want it, and with their faults as one line."""
    with (
        _faults_named(to),
        torch.inference_mode(mode=False),
        torch.no_grad(),
        _quietly(),
        _one_setting(),
    ):
        yield


@contextmanager
def _faults_named(to: str) -> Iterator[None]:
    """With whatever the exporter raises as one line; running out of memory stays what it is."""
    try:
        yield
    except (CrosscamError, MemoryError):
        raise
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:  # what it was wrapped in says only where that was
            cause = cause.__cause__
        first = str(cause).strip().partition("\n")[0] or type(cause).__name__
        message = f"torch cannot convert this network to {to}: {printable(first)}"
        raise ModelError(message) from error


@contextmanager
def _quietly() -> Iterator[None]:
    """Without what the exporter says to its own developers."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


@contextmanager
def _one_setting() -> Iterator[None]:
    """With one setting of cuDNN for all, since torch.export refuses two; nothing is computed."""
    convolutions: Any = torch.backends.cudnn.conv  # type: ignore[attr-defined]
    others: Any = torch.backends.cudnn.rnn
    before = convolutions.fp32_precision
    convolutions.fp32_precision = others.fp32_precision
    try:
        yield
    finally:
        convolutions.fp32_precision = before
