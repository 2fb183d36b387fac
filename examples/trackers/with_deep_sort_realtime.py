"""deep-sort-realtime with crosscam's features.

    # pip install crosscam deep-sort-realtime
    tracker = DeepSort(embedder=None, max_cosine_distance=0.3)
    embedder = crosscam.load_embedder("runs/demo")
    raw, embeds = raw_and_embeds(embedder, frame, boxes_xyxy, confidences)  # for each frame
    tracks = tracker.update_tracks(raw, embeds=embeds)

The tracker divides features by their lengths itself, and compares them by cosine distance: the
threshold, in [0, 2], depends on the model; try some on your own video.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crosscam.embedding.embedder import Embedder

RawDetection = tuple[list[float], float, str | int | None]


def raw_and_embeds(
    embedder: Embedder,
    frame: NDArray[np.uint8],
    boxes_xyxy: ArrayLike,
    confidences: Sequence[float],
    classes: Sequence[str | int] | None = None,
) -> tuple[list[RawDetection], list[NDArray[np.float32]]]:
    """What `DeepSort.update_tracks` takes, of the boxes of a frame, (H, W, 3) uint8 BGR.

    A raw detection is ([left, top, width, height], confidence, class). Boxes of which nothing lies
    inside the frame are left out of both lists: the tracker would drop some of them from the one
    alone, and every feature after it would be another person's.
    """
    boxes = np.asarray(boxes_xyxy, dtype=np.float64).reshape(-1, 4)
    features = embedder.embed_boxes(frame, boxes, missing="nan", unit_length=True)
    raw: list[RawDetection] = []
    embeds = []
    for place in np.flatnonzero(np.isfinite(features).all(axis=1)).tolist():
        left, top, right, bottom = boxes[place].tolist()
        kind = None if classes is None else classes[place]
        raw.append(([left, top, right - left, bottom - top], float(confidences[place]), kind))
        embeds.append(features[place])
    return raw, embeds
