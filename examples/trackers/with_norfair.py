"""Norfair, told by crosscam who comes back.

    # pip install crosscam norfair-enough
    tracker = Tracker("iou", 0.7, reid_distance_function=appearance_distance,
                      reid_distance_threshold=0.3, reid_hit_counter_max=150)
    embedder = crosscam.load_embedder("runs/demo")
    tracked = tracker.update(detections_of(embedder, frame, boxes_xyxy))  # for each frame

`reid_hit_counter_max` says for how many frames somebody who is gone is remembered. The threshold is
a cosine distance, in [0, 2]; which one is right depends on the model: try some on your own video.
"""

from collections.abc import Sequence

import numpy as np
from norfair import Detection
from norfair.tracker import TrackedObject
from numpy.typing import ArrayLike, NDArray

from crosscam.embedding.embedder import Embedder


def detections_of(
    embedder: Embedder,
    frame: NDArray[np.uint8],
    boxes_xyxy: ArrayLike,
    scores: Sequence[float] | None = None,
) -> list[Detection]:
    """A detection a box of a frame, (H, W, 3) uint8 BGR, in order, with the features of its crop.

    The points of a detection are the box's corners, (2, 2). A box of which nothing lies inside the
    frame has no embedding: it is tracked by its place alone.
    """
    boxes = np.asarray(boxes_xyxy, dtype=np.float64).reshape(-1, 4)
    features = embedder.embed_boxes(frame, boxes, missing="nan", unit_length=True)
    detections = []
    for place, (box, feature) in enumerate(zip(boxes, features, strict=True)):
        detections.append(
            Detection(
                points=box.reshape(2, 2),
                scores=None if scores is None else np.full(2, scores[place]),
                embedding=None if np.isnan(feature).any() else feature,
            )
        )
    return detections


def appearance_distance(new: TrackedObject, lost: TrackedObject) -> float:
    """The least cosine distance of any two detections of the two; infinite where there is none."""
    ours, theirs = _features(new), _features(lost)
    if not ours or not theirs:
        return float("inf")
    return float(1 - (np.stack(ours) @ np.stack(theirs).T).max())


def _features(tracked: TrackedObject) -> list[NDArray[np.float32]]:
    seen = [tracked.last_detection, *tracked.past_detections]
    return [detection.embedding for detection in seen if detection.embedding is not None]
