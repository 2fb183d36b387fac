"""Which device and which arithmetic a run uses, refused early where this machine has neither."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from crosscam.errors import DeviceError


def resolve_device(name: str) -> torch.device:
    """The torch device of that name; "auto" is the first GPU, or the processor where there is none.

    Raises `DeviceError` for a name that torch does not know and for a GPU that is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceError(
            f'unknown device {name!r}; use "auto", "cpu", "cuda" or "cuda:1"'
        ) from None
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f'device {name!r} is not supported; use "auto", "cpu" or "cuda"')
    available = torch.cuda.device_count() if device.type == "cuda" else 1
    if (device.index or 0) >= available:
        raise DeviceError(
            f"there is no {name} here ({available} devices of that kind); "
            "use device auto, or install a build of torch for this GPU"
        )
    return device


def resolve_autocast(setting: str, device: torch.device) -> bool:
    """Whether to compute in bfloat16: "none" says no, "bf16" yes, "auto" where it is native.

    Raises `DeviceError` if it is asked for on a GPU without it.
    """
    native = _has_bfloat16(device)
    if setting == "bf16" and device.type == "cuda" and not native:
        raise DeviceError("this GPU has no bfloat16; use --set compute.autocast=none")
    return setting == "bf16" or (setting == "auto" and native)


def device_name(device: torch.device) -> str:
    """What the device calls itself, for the record."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_processor_name()} ({torch.backends.cpu.get_cpu_capability()})"


@contextlib.contextmanager
def repeatable(threads: int) -> Iterator[None]:
    """Float32 arithmetic that comes out the same every time, with so many threads.

    0 threads are torch's choice. Where torch has no repeatable algorithm for an operation, which
    can be so on a GPU, it warns and uses what it has.
    """
    threads_before = torch.get_num_threads()
    deterministic_before = torch.are_deterministic_algorithms_enabled()
    warning_before = torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic  # which torch does not annotate
    filling_before = memory.fill_uninitialized_memory
    benchmark_before = torch.backends.cudnn.benchmark
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS asks for
    torch.set_num_threads(threads or threads_before)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    memory.fill_uninitialized_memory = False  # nothing here reads such memory
    try:
        with full_float32():
            yield
    finally:
        torch.set_num_threads(threads_before)
        torch.use_deterministic_algorithms(deterministic_before, warn_only=warning_before)
        torch.backends.cudnn.benchmark = benchmark_before
        memory.fill_uninitialized_memory = filling_before


@contextlib.contextmanager
def full_float32() -> Iterator[None]:
    """Float32 in float32: no TF32 on a GPU, no bfloat16 on a processor, whatever the user allowed.

    Autocast, where it is asked for, is another matter and goes on.
    """
    units: list[Any] = [
        torch.backends.cuda.matmul,
        torch.backends.cudnn.conv,  # type: ignore[attr-defined]
        torch.backends.mkldnn.matmul,  # type: ignore[attr-defined]
        torch.backends.mkldnn.conv,  # type: ignore[attr-defined]
    ]
    before = [unit.fp32_precision for unit in units]
    try:
        for unit in units:
            unit.fp32_precision = "ieee"
        yield
    finally:
        for unit, precision in zip(units, before, strict=True):
            unit.fp32_precision = precision


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        native: bool = torch.cuda.is_bf16_supported(including_emulation=False)
        return native
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, check, bool)() for check in checks)


def _processor_name() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            models = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    except OSError:
        models = []
    return models[0] if models else "processor"


def count_processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
