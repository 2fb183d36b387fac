"""The runtimes themselves: a model as ONNX in, something that is called with arrays out."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosscam.choices import Precision
from crosscam.errors import DeviceError, WeightsError
from crosscam.extras import import_extra
from crosscam.weights.reading import one_line

Images = NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint8]
Given = Images | NDArray[np.int64]
Session = Callable[..., NDArray[Any]]
"""From images, and their cameras where a model takes them, (n,) int64, to features."""
_SERIOUS = 4  # of ONNX Runtime: say nothing but what ends the process


def open_onnx_runtime(content: bytes, *, source: str, threads: int) -> Session:
    """ONNX Runtime on the processor. Raises `WeightsError` that calls the model `source`."""
    runtime = import_extra("onnxruntime", extra="onnx", purpose="the runtime onnx")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _SERIOUS
    try:
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - its exceptions have no common class but this
        raise _refusal(source, "ONNX Runtime", error) from None
    names = [given.name for given in session.get_inputs()]

    def run(*given: Given) -> NDArray[Any]:
        found: NDArray[Any] = session.run(None, dict(zip(names, given, strict=True)))[0]
        return found

    return run


def open_openvino(content: bytes, *, source: str, threads: int, precision: Precision) -> Session:
    """OpenVINO on the processor, in "bf16" or, for any other precision, in float32.

    Raises `WeightsError` that calls the model `source`, and `DeviceError` where this processor has
    no bfloat16 and that is asked for. Nothing is sent to anyone: only its converter, which is not
    used, would do so.
    """
    openvino = import_extra("openvino", extra="openvino", purpose="the runtime openvino")
    hint = "bf16" if precision == "bf16" else "f32"
    settings = {
        "INFERENCE_PRECISION_HINT": hint,
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    try:
        core = openvino.Core()
        model = core.read_model(model=content)
        compiled = core.compile_model(model, "CPU", settings)
        request = compiled.create_infer_request()
    except Exception as error:  # noqa: BLE001 - it raises RuntimeError and others
        raise _refusal(source, "OpenVINO", error) from None
    if hint == "bf16" and compiled.get_property("INFERENCE_PRECISION_HINT") != openvino.Type.bf16:
        raise DeviceError(
            "OpenVINO has no bf16 on this processor; use precision float32, or runtime torch"
        )
    lock = threading.Lock()

    def run(*given: Given) -> NDArray[Any]:
        with lock:  # a request does one thing at a time
            return np.array(request.infer(list(given), share_inputs=True)[0])

    return run


def _refusal(source: str, runtime: str, error: Exception) -> WeightsError:
    words = [line for line in str(error).split("\n") if line.strip()]
    last = one_line(words[-1]) if words else type(error).__name__
    return WeightsError(f"{runtime} cannot take {source}: {last}")
