"""How long `embed_boxes` takes for the people of a frame, and how much of it is not the network.

    python benchmarks/boxes.py [--models osnet_x0_25 lightres] [--boxes 30] [--threads 1 2]
        [--rounds 15] [--clock processor]

A frame of 1920 x 1080 pixels, and boxes of 120 to 420 pixels of height. Preparing is cutting,
resizing and normalising into one batch; beside it stands the same done crop by crop, as `embed`
does, whose bits it must have. Weights are random. With `--clock processor` times are those that the
process had of a processor, which other work on the machine does not lengthen.
"""

import argparse
from collections.abc import Callable

import numpy as np
import torch
from measuring import CLOCKS, describe_machine, spread
from numpy.typing import NDArray
from PIL import Image

import crosscam
from crosscam.devices import count_processors
from crosscam.embedding.boxes import crop_batches, whole_boxes
from crosscam.embedding.embedder import Embedder
from crosscam.models.base import default_preprocess


def make_frame(count: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A frame, (1080, 1920, 3) uint8, and (N, 4) boxes."""
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (108, 192, 3), dtype=np.uint8))
    boxes = []
    for tall in rng.integers(120, 421, count):
        wide = 0.4 * tall
        left, top = rng.uniform(0, (1920 - wide, 1080 - tall))
        boxes.append((left, top, left + wide, top + tall))
    return np.asarray(coarse.resize((1920, 1080), Image.Resampling.BICUBIC)), np.array(boxes)


def in_turn(
    works: dict[str, Callable[[], object]], rounds: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Milliseconds of each piece of work, one figure a round, after one that warms up."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            started = clock()
            work()
            if number:
                times[name].append(1000 * (clock() - started))
    return times


def measure(model: str, count: int, threads: int, rounds: int, clock: Callable[[], float]) -> None:
    """Print the row of one model with so many threads."""
    torch.set_num_threads(threads)
    network = crosscam.create_model(model, num_classes=1)
    embedder = Embedder.of_network(network, default_preprocess(network))
    frame, boxes = make_frame(count)
    whole = whole_boxes(boxes, 1080, 1920)

    def prepare() -> torch.Tensor:
        batches = crop_batches(
            frame, whole, np.arange(count), embedder.preprocess, order="bgr", size=count
        )
        return next(batches).images

    def one_by_one() -> torch.Tensor:
        crops = (frame[top:bottom, left:right, ::-1] for left, top, right, bottom in whole)
        pictures = (Image.fromarray(np.ascontiguousarray(crop)) for crop in crops)
        return torch.stack([embedder.preprocess(picture) for picture in pictures])

    images = prepare()
    assert torch.equal(images, one_by_one())
    times = in_turn(
        {
            "crop by crop": one_by_one,
            "prepared": prepare,
            "network": lambda: embedder.network(images, None),
            "all": lambda: embedder.embed_boxes(frame, boxes),
        },
        rounds,
        clock,
    )
    cells = " | ".join(spread(values, 0) for values in times.values())
    print(f"| {model} | {threads} | {cells} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["osnet_x0_25", "lightres"])
    parser.add_argument("--boxes", type=int, default=30)
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, count_processors()}))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    arguments = parser.parse_args()
    print(f"{describe_machine(torch.device('cpu'))}; {arguments.boxes} boxes, milliseconds\n")
    print("| model | threads | crop by crop | prepared | network | embed_boxes |")
    print("|---|---|---|---|---|---|")
    for model in arguments.models:
        for threads in arguments.threads:
            clock = CLOCKS[arguments.clock]
            measure(model, arguments.boxes, threads, arguments.rounds, clock)


if __name__ == "__main__":
    main()
