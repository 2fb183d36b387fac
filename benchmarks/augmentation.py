"""How long the random changes of a training picture take, and how they look.

    python benchmarks/augmentation.py [--size 256x128] [--pictures 40] [--rounds 7]
    python benchmarks/augmentation.py --sheet sheet.jpg

Microseconds a picture of the built-in people, in one thread: reading it, making a tensor of it
without a change, and with each change switched on alone, at probability 1. Then a strong chain with
each at the probability that recipes have, and the same chain without each. The figure of a round is
the mean over its pictures; a table has the median of the rounds, and least to most. With `--clock
processor` times are those that the process had of a processor. `--sheet` instead writes a picture:
five pictures of one person, a row each change.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from measuring import CLOCKS, describe_machine, spread
from PIL import Image, ImageDraw

import crosscam
from crosscam.data.augmenting import augment
from crosscam.data.images import read_image
from crosscam.data.loaders import Draw, TrainingImages
from crosscam.data.transforms import Preprocess
from crosscam.settings.images import Augmentation
from crosscam.types import Sample

STILL: dict[str, Any] = {"enlarge_crop": 0.0, "flip": 0.0}
CHANGES: dict[str, dict[str, Any]] = {
    "auto_augment": {"auto_augment": 1.0},
    "rand_augment": {"rand_augment": 1.0},
    "enlarge_crop": {"enlarge_crop": 1.0},
    "flip": {"flip": 1.0},
    "pad_crop": {"pad_crop": 10},
    "rotate": {"rotate": 10.0},
    "patch": {"patch": 1.0},
    "colour": {"colour": 0.3},
    "hue": {"colours": {"hue": 0.2}},
    "grey": {"grey": 1.0},
    "blur": {"blur": 1.0},
    "low_resolution": {"low_resolution": 1.0},
    "jpeg": {"jpeg": 1.0},
    "erase, mean": {"erase": 1.0},
    "erase, noise": {"erase": 1.0, "erasing": {"fill": "noise"}},
}
STRONG: dict[str, Any] = {
    "auto_augment": 0.1,
    "enlarge_crop": 0.0,
    "flip": 0.5,
    "pad_crop": 10,
    "rotate": 5.0,
    "patch": 0.5,
    "colour": 0.3,
    "grey": 0.1,
    "blur": 0.2,
    "low_resolution": 0.2,
    "jpeg": 0.2,
    "erase": 0.5,
}
SHOWN: dict[str, dict[str, Any]] = {
    "no change": {},
    **CHANGES,
    "hue, person-camera": {"colour": 0.3, "colours": {"hue": 0.2, "by": "person-camera"}},
    "a strong chain": STRONG,
}


def chain(
    preprocess: Preprocess, settings: Mapping[str, Any], others: Sequence[Image.Image]
) -> Callable[[Image.Image, int], torch.Tensor]:
    """A picture and its place to a tensor."""
    augmentation = Augmentation(**{**STILL, **settings})

    def another(rng: np.random.Generator) -> Image.Image:
        return others[int(rng.integers(len(others)))]

    def changed(image: Image.Image, place: int) -> torch.Tensor:
        rng = np.random.default_rng([1, place])
        return augment(image, preprocess, augmentation, rng, another=another)

    return changed


def in_turn(
    works: Mapping[str, Callable[[], object]], count: int, rounds: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Microseconds a picture of each piece of work on `count`, after one round to warm up."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds + 1):
        for name, work in works.items():
            started = clock()
            work()
            if number:
                times[name].append(1e6 * (clock() - started) / count)
    return times


def over(images: Sequence[Image.Image], changed: Callable[[Image.Image, int], object]) -> None:
    """The whole of a round."""
    for place, image in enumerate(images):
        changed(image, place)


def measure(
    samples: Sequence[Sample], preprocess: Preprocess, rounds: int, clock: Callable[[], float]
) -> None:
    """Print both tables."""
    images = [read_image(sample.path) for sample in samples]

    def work(settings: Mapping[str, Any]) -> Callable[[], object]:
        return partial(over, images, chain(preprocess, settings, images))

    works: dict[str, Callable[[], object]] = {
        "reading it": lambda: [read_image(sample.path) for sample in samples],
        "no change": work({}),
        **{f"`{name}`": work(settings) for name, settings in CHANGES.items()},
    }
    print("| | microseconds |\n|---|---|")
    for name, values in in_turn(works, len(images), rounds, clock).items():
        print(f"| {name} | {spread(values, 0)} |", flush=True)
    chains = {"all of it": work(STRONG)}
    for name, strength in STRONG.items():
        if strength:
            chains[f"without `{name}`"] = work({**STRONG, name: 0})
    print("\n| a strong chain | microseconds |\n|---|---|")
    for name, values in in_turn(chains, len(images), rounds, clock).items():
        print(f"| {name} | {spread(values, 0)} |", flush=True)


def write_sheet(path: Path, samples: Sequence[Sample]) -> None:
    """Rows of five pictures of one person, by two cameras, as each change makes them."""
    preprocess, label, columns = Preprocess(128, 64), 96, 3
    person = [sample for sample in samples if sample.pid == samples[0].pid]
    first, second = sorted({sample.camid for sample in person if sample.camid is not None})[:2]
    shown = [sample for sample in person if sample.camid == first][:3]
    shown += [sample for sample in person if sample.camid == second][:2]
    row = (label + len(shown) * preprocess.width, preprocess.height + 6)
    rows = -(-len(SHOWN) // columns)
    sheet = Image.new("RGB", (columns * row[0], rows * row[1] - 6), "white")
    draw = ImageDraw.Draw(sheet)
    for number, (name, settings) in enumerate(SHOWN.items()):
        left, top = number // rows * row[0], number % rows * row[1]
        draw.multiline_text((left + 6, top + 50), name.replace(", ", ",\n"), "black")
        augmentation = Augmentation(**{**STILL, **settings})
        images = TrainingImages([*shown, *samples[40:]], preprocess, augmentation, 2)
        for place in range(len(shown)):
            tensor = images[Draw(0, place, place)].image
            pixels = Image.fromarray(preprocess.pixels_of(tensor[None])[0])
            sheet.paste(pixels, (left + label + place * preprocess.width, top))
    sheet.save(path, quality=75, optimize=True)


def main() -> None:
    """Print the tables, or write the sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", default="256x128", help="height x width of the model's input")
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--sheet", type=Path, help="write a picture here instead")
    arguments = parser.parse_args()
    samples = crosscam.load_dataset("people").train
    if arguments.sheet:
        write_sheet(arguments.sheet, samples)
        return
    torch.set_num_threads(1)
    height, width = map(int, arguments.size.split("x"))
    chosen = samples[:: len(samples) // arguments.pictures][: arguments.pictures]
    machine = describe_machine(torch.device("cpu"))
    print(f"{machine}, Pillow {PIL.__version__}; {height} x {width}, {len(chosen)} pictures\n")
    measure(chosen, Preprocess(height, width), arguments.rounds, CLOCKS[arguments.clock])


if __name__ == "__main__":
    main()
