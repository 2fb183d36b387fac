"""How fast a model is on each runtime, also in bf16, side by side."""

import torch

from crosscam.choices import Precision
from crosscam.devices import resolve_autocast
from crosscam.embedding.conversion import example_of, to_onnx
from crosscam.embedding.network import Network, TorchNetwork
from crosscam.embedding.runtimes.conversions import cameras_of
from crosscam.embedding.runtimes.onnx_file import check_onnx
from crosscam.embedding.runtimes.onnx_network import OnnxNetwork, OnnxRuntime
from crosscam.embedding.runtimes.speeds import images_for, measure_speeds
from crosscam.errors import CrosscamError
from crosscam.models.base import ReIDModel
from crosscam.weights.reading import one_line

_ELSEWHERE: dict[str, tuple[OnnxRuntime, Precision]] = {
    "onnx": ("onnx", "float32"),
    "openvino": ("openvino", "float32"),
    "openvino bf16": ("openvino", "bf16"),
}


def runtime_speeds(
    model: ReIDModel, *, name: str, seconds: float = 2.0
) -> tuple[dict[str, float], dict[str, str]]:
    """Images a second of a model on the processor, by runtime, and why others are left out.

    They are in batches of 16, at the size that the model was designed for, and in bf16 where the
    processor has that. `name` is what the model is called. Its float32 speeds on torch are those
    of `measure_speed`.
    """
    native = resolve_autocast("auto", torch.device("cpu"))
    networks: dict[str, Network] = {}
    missing: dict[str, str] = {}
    if native:
        networks["torch bf16"] = TorchNetwork(model.eval(), autocast=True)
    else:
        missing["bf16"] = "this processor has none of its own"
    wanted = {key: how for key, how in _ELSEWHERE.items() if native or how[1] == "float32"}
    try:
        proto = to_onnx(model.eval(), *example_of(model, model.input_size))
        onnx = check_onnx(proto, None, name, cameras=cameras_of(model))
    except Exception as error:  # noqa: BLE001 - whatever torch's exporter cannot do
        missing.update(dict.fromkeys(wanted, one_line(str(error)) or type(error).__name__))
        wanted = {}
    for key, (runtime, precision) in wanted.items():
        try:
            networks[key] = OnnxNetwork(
                onnx, runtime=runtime, size=model.input_size, precision=precision
            )
        except CrosscamError as error:
            missing[key] = str(error)
    return measure_speeds(networks, images_for(model.input_size), seconds=seconds), missing
