"""The kinds of file that a model is exported to: how each is made of a network, and written."""

import io
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from crosscam.embedding.conversion import to_program
from crosscam.embedding.exported import METADATA_KEY, ExportCard
from crosscam.errors import ExportError

Target = Literal["onnx", "torch-export"]
_LARGEST = 2_000_000_000  # bytes: a file of ONNX, a protocol buffer, ends at 2 GiB


def refuse_large(network: nn.Module) -> None:
    """Raise `ExportError` for a network that no single file of ONNX can hold."""
    tensors = (*network.parameters(), *network.buffers())
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    if size > _LARGEST:
        raise ExportError(
            f"the model has {size / 1e9:.1f} GB of weights, and a file of ONNX ends at 2 GB; "
            "export it with --to torch-export"
        )


def write_onnx(file: Path, model: Any, card: ExportCard) -> None:
    """Write an `onnx.ModelProto` with its card in the metadata."""
    model.ClearField("metadata_props")
    model.metadata_props.add(key=METADATA_KEY, value=card.to_json())
    file.write_bytes(model.SerializeToString(deterministic=True))


def write_program(
    file: Path, network: nn.Module, example: tuple[Tensor, ...], card: ExportCard
) -> None:
    """Write a network as a file of `torch.export`, with its card as an extra file."""
    program = to_program(network, *example)
    content = io.BytesIO()
    torch.export.save(program, content, extra_files={METADATA_KEY: card.to_json()})
    file.write_bytes(content.getvalue())
