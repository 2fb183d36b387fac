"""Crops of a frame in one go: the same bits as each crop by itself, whatever the boxes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import crosscam
from crosscam.data.transforms import IMAGENET_MEAN, IMAGENET_STD, Preprocess
from crosscam.embedding.boxes import whole_boxes
from crosscam.embedding.embedder import Embedder
from crosscam.errors import InputError

FRAME = np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8)
CORNERS = st.tuples(*[st.floats(-80, 90)] * 2, *[st.floats(0, 120)] * 2)
STILL = (2, 3, 30, 40)


@pytest.fixture(scope="module")
def embedder():
    torch.manual_seed(0)
    return Embedder.of_network(
        crosscam.create_model("lightres", num_classes=2), Preprocess(64, 32), "cosine"
    )


class Echo:
    """A network whose features are the pixels that it is given."""

    runtime, precision, uses_cameras, device = "torch", "float32", False, torch.device("cpu")

    def __init__(self, preprocess):
        self.feature_dim = 3 * preprocess.height * preprocess.width

    def __call__(self, images, camids):
        return images.flatten(1).clone()


@pytest.fixture(scope="module")
def echo(embedder):
    preprocess = Preprocess(9, 5)
    return replace(embedder, preprocess=preprocess, network=Echo(preprocess))


@settings(max_examples=40)
@given(
    st.lists(CORNERS, min_size=1, max_size=5), st.sampled_from(["rgb", "bgr"]), st.integers(1, 3)
)
def test_boxes_are_embedded_as_their_crops_are(echo, corners, order, threads):
    boxes = [(left, top, left + wide, top + tall) for left, top, wide, tall in corners]
    torch.set_num_threads(threads)
    found = echo.embed_boxes(FRAME, boxes, order=order, missing="nan")
    for box, row in zip(whole_boxes(boxes, 50, 60), found, strict=True):
        left, top, right, bottom = box
        try:
            expected = echo.embed([FRAME[top:bottom, left:right]], order=order)[0]
        except InputError:
            expected = np.full(echo.feature_dim, np.nan, np.float32)
        assert_array_equal(row, expected)


def test_many_boxes_of_a_frame_keep_their_order(echo):
    boxes = [(place % 40, place % 30, place % 40 + 9, place % 30 + 19) for place in range(150)]
    boxes[70] = (-5, 5, -1, 9)
    torch.set_num_threads(3)
    found = echo.embed_boxes(FRAME, boxes, missing="nan")
    assert np.flatnonzero(np.isnan(found).any(axis=1)).tolist() == [70]
    for place in (0, 63, 64, 69, 71, 128, 149):
        assert_array_equal(found[[place]], echo.embed_boxes(FRAME, [boxes[place]]))


@pytest.mark.parametrize(
    "boxes",
    [
        np.array([STILL], dtype=np.int64),
        np.array([STILL], dtype=np.float32),
        torch.tensor([STILL]),
        [[2.4, 2.6, 30.4, 39.6]],
        np.array([(*STILL, 0.9, 7)])[:, :4],
    ],
    ids=["integers", "float32", "torch", "fractions", "columns of a wider array"],
)
def test_boxes_come_as_a_detector_gives_them(embedder, boxes):
    assert_array_equal(embedder.embed_boxes(FRAME, boxes), embedder.embed_boxes(FRAME, [STILL]))


@pytest.mark.parametrize(
    "frame",
    [
        np.asfortranarray(FRAME),
        np.repeat(FRAME, 2, axis=1)[:, ::2],
        FRAME[:, :, ::-1].copy()[:, :, ::-1],
        np.concatenate([FRAME, FRAME[:, :, :1]], axis=2)[:, :, :3],
    ],
    ids=["by columns", "every other column", "turned", "three channels of four"],
)
def test_a_frame_may_lie_in_memory_in_any_way(embedder, frame):
    assert not frame.flags.c_contiguous
    expected = embedder.embed_boxes(FRAME, [STILL])
    assert_array_equal(embedder.embed_boxes(frame, [STILL]), expected)
    crop = frame[3:40, 2:30]
    assert_array_equal(embedder.embed([crop], order="bgr"), expected)
    frame.flags.writeable = False
    assert_array_equal(embedder.embed_boxes(frame, [STILL]), expected)


def test_what_a_box_shows_nobody_in_is_refused_or_nan(embedder):
    slivers = [(0, 0, 1, 40), (0, 0, 60, 1)]  # a pixel wide; a pixel high
    for box in slivers:
        with pytest.raises(InputError, match=r"box 1: it is .* pixels; each side must have 2"):
            embedder.embed_boxes(FRAME, [STILL, box])
    found = embedder.embed_boxes(FRAME, [*slivers, STILL], missing="nan", unit_length=True)
    assert np.isnan(found).all(axis=1).tolist() == [True, True, False]
    assert np.linalg.norm(found[2]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (FRAME.astype(np.float32) / 255, r"the frame must be a uint8 array.*float32; values from"),
        (FRAME[:, :, 0], "the frame must be a uint8 array"),
        (FRAME.transpose(2, 0, 1), r"\(H, W, 3\), not \(3, 50, 60\) uint8; .*channels last"),
        (torch.from_numpy(FRAME), "the frame is a Tensor"),
        (FRAME[:0], "the frame has no pixels"),
    ],
)
def test_a_frame_that_is_none_is_refused(embedder, frame, message):
    with pytest.raises(InputError, match=message):
        embedder.embed_boxes(frame, [STILL])


def test_levels_looked_up_are_levels_calculated():
    every = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    for mean, std in (
        (IMAGENET_MEAN, IMAGENET_STD),
        ((0.5,) * 3, (0.5,) * 3),
        ((0, 0, 0), (1, 1, 1)),
    ):
        found = torch.empty(3, 16, 16)
        Preprocess(16, 16, mean, std).normalise_into(every, found)
        pixels = torch.from_numpy(every).permute(2, 0, 1).float().div(255)
        sides = torch.tensor(mean).view(3, 1, 1), torch.tensor(std).view(3, 1, 1)
        assert torch.equal(found, pixels.sub(sides[0]).div(sides[1]))
