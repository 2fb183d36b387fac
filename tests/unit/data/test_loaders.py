"""Loading batches: the same for any number of workers, clear on broken files, clean at the end."""

import itertools
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
import torch
from PIL import Image
from tiny import write_market

import crosscam
from crosscam.data.loaders import Draw, PlainImages, TrainingImages, load_batches
from crosscam.data.transforms import Preprocess
from crosscam.errors import DataError
from crosscam.recipe import load_recipe
from crosscam.settings.augmenting import Colours, Erasing
from crosscam.settings.images import Augmentation
from crosscam.training.batches import training_batches
from crosscam.types import Sample


def recipe(workers):
    return load_recipe(
        "mobilenetv2-xent",
        [
            "input.height=32",
            "input.width=16",
            "batch.size=4",
            "schedule.epochs=3",
            "schedule.milestones=[]",
            f"workers={workers}",
            "augment.erase=0.5",
            "augment.colour=0.2",
        ],
    )


def batches(samples, workers, start=(0, 0)):
    return list(training_batches(samples, recipe(workers), Preprocess(32, 16), start=start))


def assert_equal(some, others):
    assert len(some) == len(others)
    for (step, batch), (other_step, other) in zip(some, others, strict=True):
        assert step == other_step
        assert torch.equal(batch.images, other.images)
        assert torch.equal(batch.indices, other.indices)


@pytest.fixture(scope="module")
def samples(tiny_market):
    return crosscam.load_dataset("market1501", tiny_market).train


def test_batches_are_the_same_for_any_number_of_workers(samples):
    alone = batches(samples, 0)
    assert len(alone) == 3 * (24 // 4)
    for workers in (1, 2, 3):
        assert_equal(batches(samples, workers), alone)


def test_a_stream_resumed_anywhere_goes_on_the_same(samples):
    whole = batches(samples, 0)
    for start in (3, 6, 17):
        step = whole[start][0]
        assert_equal(batches(samples, 0, (step.epoch, step.iteration)), whole[start:])
    assert batches(samples, 0, (3, 0)) == []


def test_epochs_differ(samples):
    whole = batches(samples, 0)
    assert not torch.equal(whole[0][1].indices, whole[6][1].indices)
    seen = {int(index) for _, batch in whole[:6] for index in batch.indices}
    assert seen == set(range(24))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_image_is_named_without_a_traceback(tmp_path, workers):
    root = write_market(tmp_path)
    samples = crosscam.load_dataset("market1501", root).train
    samples[5].path.write_bytes(b"\xff\xd8 cut short")
    with pytest.raises(DataError) as caught:
        batches(samples, workers)
    assert str(caught.value).startswith(f"broken image {samples[5].path}")
    assert "Traceback" not in str(caught.value)
    assert multiprocessing.active_children() == []


def test_leaving_the_loop_ends_the_workers(samples):
    stream = training_batches(samples, recipe(2), Preprocess(32, 16), start=(0, 0))
    next(stream)
    assert len(multiprocessing.active_children()) == 2
    stream.close()
    assert multiprocessing.active_children() == []


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no such signal")
def test_a_worker_that_is_killed_is_said_when_a_batch_is_due(samples):
    stream = training_batches(samples, recipe(2), Preprocess(32, 16), start=(0, 0))
    next(stream)
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    wanted = r"a process that loads images was ended by the system \(signal 9\).*use fewer workers"
    with pytest.raises(DataError, match=wanted):
        list(stream)
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_batches_are_the_same_however_processes_start(samples, monkeypatch):
    alone = batches(samples, 0)
    monkeypatch.setattr(multiprocessing, "Process", multiprocessing.get_context("spawn").Process)
    assert_equal(batches(samples, 2), alone)


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="arrays are in memory on Linux alone")
def test_no_batch_lies_in_dev_shm(samples):
    maps = Path("/proc/self/maps")
    others = maps.read_text(encoding="utf-8").count("/dev/shm")  # of libraries that are loaded
    stream = training_batches(samples, recipe(2), Preprocess(256, 128), start=(0, 0))
    held = list(itertools.islice(stream, 3))
    now = maps.read_text(encoding="utf-8")
    stream.close()
    assert now.count("memfd:crosscam") >= len(held)
    assert now.count("/dev/shm") == others


def test_plain_images_come_in_order(samples):
    images = PlainImages(samples, Preprocess(16, 8))
    plan = [range(5), range(5, 9)]
    loaded = list(load_batches(images, plan, workers=2))
    assert [batch.indices.tolist() for batch in loaded] == [list(part) for part in plan]
    assert loaded[1].images.shape == (4, 3, 16, 8)


STRONG = Augmentation(
    auto_augment=0.5,
    rand_augment=0.5,
    rotate=5,
    patch=0.5,
    colour=0.2,
    grey=0.2,
    blur=0.3,
    low_resolution=0.3,
    jpeg=0.3,
    erase=0.5,
    colours=Colours(hue=0.1, by="person-camera"),
    erasing=Erasing(fill="noise"),
)


def test_strong_augmentation_is_the_same_for_any_number_of_workers(samples):
    def strong(workers):
        images = TrainingImages(samples, Preprocess(32, 16), STRONG, 3)
        plan = [[Draw(1, 4 * step + at, 5 * step + at) for at in range(4)] for step in range(4)]
        return [batch.images for batch in load_batches(images, plan, workers=workers)]

    alone = strong(0)
    for workers in (1, 2):
        for some, others in zip(alone, strong(workers), strict=True):
            assert torch.equal(some, others)


def pixels_of_one_colour(root, camids):
    """Samples of two people whose pictures are all the same, and how each was changed."""
    path = root / "a.png"
    Image.new("RGB", (16, 32), (200, 100, 50)).save(path)
    samples = [Sample(path, pid, camid) for pid in (1, -2) for camid in camids for _ in range(3)]
    augmentation = Augmentation(
        enlarge_crop=0, colour=0.4, colours=Colours(hue=0.4, by="person-camera")
    )
    images = TrainingImages(samples, Preprocess(32, 16), augmentation, 0)

    def changed(epoch):
        found = [images[Draw(epoch, 7 * index, index)].image for index in range(len(samples))]
        return [tuple(image[:, 0, 0].tolist()) for image in found]

    return changed


@pytest.mark.parametrize("camids", [(1, 2), (None,)])
def test_colours_can_change_alike_for_a_person_and_a_camera(tmp_path, camids):
    changed = pixels_of_one_colour(tmp_path, camids)
    first, second = changed(0), changed(1)
    groups = [first[start : start + 3] for start in range(0, len(first), 3)]
    assert all(len(set(group)) == 1 for group in groups)
    assert len(set(first)) == len(groups) == 2 * len(camids)
    assert not set(first) & set(second)
    assert first == changed(0)


def test_a_patch_comes_from_another_picture_of_all(tmp_path):
    """Picture k is of level 10 k: its patches show which others they were cut from."""
    samples = []
    for number in range(6):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (16, 32), (10 + 40 * number,) * 3).save(path)
        samples.append(Sample(path, number, 1))
    plain = Preprocess(32, 16, (0, 0, 0), (1, 1, 1))
    images = TrainingImages(samples, plain, Augmentation(enlarge_crop=0, patch=1), 0)
    seen = set()
    for position in range(60):
        levels = images[Draw(0, position, 2)].image.mul(255).round().unique().int().tolist()
        seen.update(set(levels) & set(range(10, 256, 40)))
        assert 90 in levels
        assert len(set(levels) - {0}) <= 2  # its own level, that of one other, and black corners
    assert seen == {10, 50, 90, 130, 170, 210}
    alone = TrainingImages(samples[:1], plain, Augmentation(enlarge_crop=0, patch=1), 0)
    assert alone[Draw(0, 0, 0)].image.shape == (3, 32, 16)
