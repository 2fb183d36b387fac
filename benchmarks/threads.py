"""How long a training step takes by number of threads, alone and beside a busy process.

    python benchmarks/threads.py [--models lightres,resnet50] [--batch 16] [--steps 5]

Each measurement has a process of its own, with OpenMP's threads waiting as they do by themselves,
which is by spinning, and passively. The step is that of training (forward, cross entropy, backward)
in float32 at 256 x 128. Prints the median of the steps after the first.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time

import torch
from torch.nn.functional import cross_entropy

from crosscam.devices import count_processors, repeatable
from crosscam.models.base import set_memory_format
from crosscam.weights.create import create_model

_BUSY = "while True: pass"
_CLASSES = 100


def seconds_a_step(model_name: str, batch: int, steps: int, threads: int) -> float:
    """The median of `steps` steps after one to warm up, in this process."""
    model = create_model(model_name, num_classes=_CLASSES)
    set_memory_format(model, "channels_last")
    images = torch.randn(batch, 3, 256, 128).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(batch) % _CLASSES
    times = []
    with repeatable(threads):
        for _ in range(steps + 1):
            started = time.perf_counter()
            model.zero_grad()
            sum(cross_entropy(logits, labels) for logits in model(images).logits).backward()
            times.append(time.perf_counter() - started)
    return statistics.median(times[1:])


def measured(arguments: argparse.Namespace, model: str, threads: int, waiting: str) -> float:
    """`seconds_a_step` in a process of its own."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OMP_")}
    if waiting == "passive":
        environment["OMP_WAIT_POLICY"] = "PASSIVE"
    command = [sys.executable, __file__, "--one", model, "--threads", str(threads)]
    command += ["--batch", str(arguments.batch), "--steps", str(arguments.steps)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", default="lightres,resnet50")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(seconds_a_step(arguments.one, arguments.batch, arguments.steps, arguments.threads))
        return
    processors = count_processors()
    print(f"{processors} processors, load {os.getloadavg()[0]:.1f}, batch {arguments.batch}\n")
    print("| model | threads | waiting | alone, s | beside a busy process, s |")
    print("|---|---|---|---|---|")
    for model in arguments.models.split(","):
        for threads in dict.fromkeys((1, processors)):
            for waiting in ("spinning", "passive") if threads > 1 else ("spinning",):
                alone = measured(arguments, model, threads, waiting)
                with subprocess.Popen([sys.executable, "-c", _BUSY]) as busy:
                    beside = measured(arguments, model, threads, waiting)
                    busy.kill()
                print(
                    f"| {model} | {threads} | {waiting} | {alone:.3f} | {beside:.3f} |", flush=True
                )


if __name__ == "__main__":
    main()
