"""What a model costs: multiply-adds, and images a second on this machine."""

import time

import torch
from torch.utils.flop_counter import FlopCounterMode

from crosscam.models.base import MEMORY_FORMATS, ReIDModel, set_memory_format


def count_multiply_adds(model: ReIDModel) -> int:
    """The multiply-adds of convolutions and linear layers for the features of one image.

    At the size that the model was designed for; its classifiers are not used for features.
    """
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        model.eval()(torch.zeros(1, 3, *model.input_size))
    return counter.get_total_flops() // 2


def measure_speed(
    model: ReIDModel, *, batch_size: int = 16, seconds: float = 2.0
) -> dict[str, float]:
    """Images a second of feature extraction in float32, by memory format, on the model's device.

    At the size that the model was designed for: the median over batches, for `seconds` each, after
    one to warm up.
    """
    device = next(model.parameters()).device
    images = torch.randn(batch_size, 3, *model.input_size, device=device)
    speeds = {}
    for name, memory_format in MEMORY_FORMATS.items():
        set_memory_format(model, name)
        laid_out = images.to(memory_format=memory_format)
        _time_batch(model, laid_out)
        times = [_time_batch(model, laid_out)]
        while sum(times) < seconds:
            times.append(_time_batch(model, laid_out))
        speeds[name] = batch_size / sorted(times)[len(times) // 2]
    return speeds


def _time_batch(model: ReIDModel, images: torch.Tensor) -> float:
    started = time.perf_counter()
    with torch.inference_mode():
        model.eval()(images).float().cpu()  # which waits for the device
    return time.perf_counter() - started
