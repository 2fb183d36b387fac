"""Which memory format and autocast are fastest here: training and inference, images a second.

    python benchmarks/arithmetic.py [--models resnet18 resnet50 mobilenetv2] [--batch 16]
        [--size 128 64] [--float32]

Each setting is timed in turn, over several rounds, so that a machine whose speed drifts is fair to
all; the table gives the median, and the ratio to the slowest plain setting of the same column.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import torch

import crosscam
from crosscam.devices import device_name, resolve_device
from crosscam.models.base import MEMORY_FORMATS, ReIDModel, set_memory_format

Settings = Sequence[tuple[str, bool]]  # memory format, and whether by autocast


def inference(model: ReIDModel, images: torch.Tensor) -> None:
    """One batch of features."""
    with torch.inference_mode():
        model.eval()(images)


def training(model: ReIDModel, images: torch.Tensor) -> None:
    """One step, without the optimiser."""
    output = model.train()(images)
    labels = torch.zeros(len(images), dtype=torch.long, device=images.device)
    torch.nn.functional.cross_entropy(output.logits[0].float(), labels).backward()


def seconds(work: Callable[[], None], device: torch.device) -> float:
    """How long one call takes."""
    started = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def measure(
    name: str, settings: Settings, batch: int, rounds: int, size: tuple[int, int] | None
) -> None:
    """Print the rows of one model, at its own size if none is given."""
    device = resolve_device("auto")
    model = crosscam.create_model(name, num_classes=751).to(device)
    plain = torch.randn(batch, 3, *(size or model.input_size), device=device)
    times: dict[tuple[str, bool, str], list[float]] = {}
    for round_number in range(rounds + 1):
        for memory_format, autocast in settings:
            set_memory_format(model, memory_format)
            images = plain.to(memory_format=MEMORY_FORMATS[memory_format])
            for work in (inference, training):
                with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
                    took = seconds(lambda work=work, images=images: work(model, images), device)
                if round_number:  # the first round warms up
                    times.setdefault((memory_format, autocast, work.__name__), []).append(took)
    for memory_format, autocast in settings:
        cells = []
        for work in ("inference", "training"):
            took = statistics.median(times[memory_format, autocast, work])
            ratio = statistics.median(times["contiguous", False, work]) / took
            cells.append(f"{batch / took:.1f} (x{ratio:.1f})")
        kind = "bf16" if autocast else "float32"
        print(f"| {name} | {memory_format} | {kind} | {' | '.join(cells)} |")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=["resnet18", "resnet50", "mobilenetv2"])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="instead of each model's own"
    )
    parser.add_argument("--float32", action="store_true", help="leave bfloat16 out")
    arguments = parser.parse_args()
    kinds = (False,) if arguments.float32 else (False, True)
    settings = [(memory_format, kind) for kind in kinds for memory_format in MEMORY_FORMATS]
    device = resolve_device("auto")
    print(f"{device_name(device)}, {torch.get_num_threads()} threads, torch {torch.__version__},")
    print(f"batch {arguments.batch}, images a second, median of {arguments.rounds} rounds\n")
    print("| model | memory format | arithmetic | inference | training |\n|---|---|---|---|---|")
    for name in arguments.models:
        measure(name, settings, arguments.batch, arguments.rounds, arguments.size)


if __name__ == "__main__":
    main()
