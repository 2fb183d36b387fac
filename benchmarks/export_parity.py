"""How close each model is to itself once exported to ONNX: a row a model, in Markdown.

    python benchmarks/export_parity.py [NAME]...

Weights are drawn; the check is that of `crosscam.export_model`, at the model's own size.
"""

import sys
import tempfile
import time
from pathlib import Path

import torch

import crosscam
from crosscam.embedding.conversion import OPSET, to_onnx
from crosscam.embedding.network import TorchNetwork
from crosscam.embedding.runtimes.onnx_file import read_onnx
from crosscam.embedding.runtimes.onnx_network import OnnxNetwork
from crosscam.export.check import check_export
from crosscam.models.base import default_preprocess


def row(name: str, folder: Path) -> str:
    """A model's row of the table."""
    torch.manual_seed(0)
    model = crosscam.create_model(name, num_classes=2).eval()
    preprocess = default_preprocess(model)
    start = time.perf_counter()
    converted = to_onnx(model, torch.zeros(2, 3, preprocess.height, preprocess.width))
    seconds = time.perf_counter() - start
    file = folder / "model.onnx"
    file.write_bytes(converted.SerializeToString())
    exported = OnnxNetwork(read_onnx(file), runtime="onnx", size=model.input_size)
    check = check_export(exported, TorchNetwork(model), preprocess=preprocess, metric="euclidean")
    same = "same" if check.same_order else "other"
    size = file.stat().st_size / 1e6
    distance = f"{check.largest_distance:.0e}"
    return f"| `{name}` | {OPSET} | {size:.1f} | {distance} | {same} | {seconds:.0f} |"


def main() -> None:
    """Print the table."""
    print("| model | opset | MB | largest cosine distance | ranks | seconds |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or crosscam.list_models():
            print(row(name, Path(folder)), flush=True)


if __name__ == "__main__":
    main()
