"""From a network of torch to ONNX, by torch's own exporter: what the other runtimes read."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from crosscam.extras import import_extra

OPSET = 18
INPUT_NAME, OUTPUT_NAME = "images", "features"


def to_onnx(network: nn.Module, example: Tensor) -> Any:
    """An `onnx.ModelProto` of a network in eval mode, of any number of images.

    `example` is (2, ...): what the network is given, of the shape and type of each image; the
    first axis is that of the batch. The input is named "images", the output "features". Raises
    `ExtraError` where onnx and onnxscript are not installed.
    """
    for module in ("onnx", "onnxscript"):
        import_extra(module, extra="onnx", purpose="converting a model to ONNX")
    with torch.inference_mode(mode=False), torch.no_grad(), _quietly(), _one_setting():
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT_NAME],
            output_names=[OUTPUT_NAME],
            dynamic_shapes=({0: torch.export.Dim("batch", min=1)},),
            verbose=False,
        )
    assert program is not None
    return program.model_proto


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
