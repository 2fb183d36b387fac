"""How long cells will take and how much disk they need, measured and counted before they run."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from crosscam.devices import full_float32, resolve_device
from crosscam.errors import CrosscamError
from crosscam.grid.cells import CellData
from crosscam.grid.planning import OpenedData, Planned
from crosscam.models.base import MEMORY_FORMATS, set_memory_format
from crosscam.models.registry import outline_model
from crosscam.recipe import Recipe
from crosscam.training.run_folder import RunFolder
from crosscam.types import ReIDDataset
from crosscam.weights.create import create_model

_TRIED_IMAGES = 8
_FLOAT_BYTES = 4
_OTHER_BYTES = 5_000_000  # report, log and the rest of a run


@dataclass(frozen=True)
class Estimate:
    """Of a cell: seconds that are left, and bytes that it will write."""

    seconds: float
    disk_bytes: int


def estimate(
    planned: Sequence[Planned], data: Mapping[CellData, OpenedData], *, threads: int
) -> tuple[Estimate, ...]:
    """An estimate for each cell; 0 for those that are done or cannot be.

    Time is that of the training images of all epochs and of the test images, at the speed of one
    step of 8 images of the cell's model and size, taken here with so many threads; what loading
    images takes beyond that is not in it.
    """
    speeds: dict[tuple[object, ...], tuple[float, float]] = {}
    estimates = []
    for step in planned:
        dataset = data[step.cell.reads()].dataset
        if step.state in ("done", "cannot") or step.recipe is None or dataset is None:
            estimates.append(Estimate(0.0, 0))
            continue
        recipe = step.recipe
        key = (
            *(recipe.model, recipe.input.height, recipe.input.width),
            *(recipe.head, recipe.compute.memory_format, recipe.device),
        )
        if key not in speeds:
            try:
                speeds[key] = _seconds_per_image(recipe, threads)
            except CrosscamError:  # such as a wrong size: the cell will fail at once, and say so
                speeds[key] = (0.0, 0.0)
        estimates.append(_estimate(step, recipe, dataset, *speeds[key]))
    return tuple(estimates)


def _estimate(
    step: Planned, recipe: Recipe, dataset: ReIDDataset, training: float, testing: float
) -> Estimate:
    trained = len(dataset.train) * recipe.schedule.epochs * _share_left(step, recipe)
    tested = len(dataset.query) + len(dataset.gallery)
    model = outline_model(
        recipe.model,
        num_classes=dataset.num_train_pids,
        num_cameras=len({sample.camid for sample in dataset.train}),
        head=recipe.head,
    )
    floats = sum(value.numel() for value in model.state_dict().values())
    # The checkpoint holds weights and the optimiser's two means; a new one is written beside it.
    disk_bytes = floats * _FLOAT_BYTES * (3 + 3 + 1) + _OTHER_BYTES
    return Estimate(trained * training + tested * testing, disk_bytes)


def _share_left(step: Planned, recipe: Recipe) -> float:
    """The share of the training steps that a run has not made yet, by its log."""
    log = RunFolder(step.folder).log
    if step.state != "resume" or not log.is_file():
        return 1.0
    last = _last_step(log)
    if last is None:
        return 1.0
    epoch, made, steps = last
    return max(0.0, 1 - ((epoch - 1) * steps + made) / (recipe.schedule.epochs * steps))


def _last_step(log: Path) -> tuple[int, int, int] | None:
    for line in reversed(log.read_text(encoding="utf-8").splitlines()):
        try:
            record = json.loads(line)
            return record["epoch"], record["step"], record["steps"]
        except (ValueError, KeyError, TypeError):
            continue  # a line cut short, or one of another kind
    return None


def _seconds_per_image(recipe: Recipe, threads: int) -> tuple[float, float]:
    """Of training and of testing, by one step each after one to warm up."""
    device = resolve_device(recipe.device)
    model = create_model(
        recipe.model, num_classes=_TRIED_IMAGES, num_cameras=1, head=recipe.head
    ).to(device)
    set_memory_format(model, recipe.compute.memory_format)
    images = torch.randn(_TRIED_IMAGES, 3, recipe.input.height, recipe.input.width, device=device)
    images = images.to(memory_format=MEMORY_FORMATS[recipe.compute.memory_format])
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        with full_float32():
            training = [_time_training(model, images) for _ in range(2)][1]
            testing = [_time_testing(model, images) for _ in range(2)][1]
    finally:
        torch.set_num_threads(before)
    return training / _TRIED_IMAGES, testing / _TRIED_IMAGES


def _time_training(model: torch.nn.Module, images: torch.Tensor) -> float:
    started = time.perf_counter()
    output = model.train()(images)
    torch.stack([logits.square().mean() for logits in output.logits]).sum().backward()
    last = next(iter(model.parameters())).grad
    assert last is not None
    last.cpu()  # which waits for the device
    return time.perf_counter() - started


def _time_testing(model: torch.nn.Module, images: torch.Tensor) -> float:
    started = time.perf_counter()
    with torch.inference_mode():
        model.eval()(images).cpu()
    return time.perf_counter() - started
