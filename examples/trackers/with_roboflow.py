"""Roboflow's trackers and reid with crosscam's features.

    # pip install crosscam supervision
    embedder = crosscam.load_embedder("runs/demo")
    model = CrosscamAppearance(embedder)
    features = model.extract_embeddings(detections, frame)  # supervision's Detections

It stands where a `reid.ReIDModel` does, and where trackers 2.0 wants a feature extractor:
`DeepSORTTracker(feature_extractor=CrosscamAppearance(embedder))`.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crosscam.embedding.embedder import Embedder
from crosscam.embedding.pictures import ChannelOrder


@dataclass(frozen=True)
class CrosscamAppearance:
    """The features of detections; `order` is that of a frame's channels, OpenCV's unless told."""

    embedder: Embedder
    order: ChannelOrder = "bgr"

    def extract_embeddings(self, detections: Any, frame: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, D) float32 of unit length, a row a box of `detections.xyxy`, (N, 4).

        `frame` is (H, W, 3) uint8. A box of which nothing lies inside the frame has a row of equal
        numbers of either sign in turn, which is like nobody's: trackers cannot do with NaN.
        """
        rows = self.embedder.embed_boxes(
            frame, detections.xyxy, order=self.order, missing="nan", unit_length=True
        )
        nobody = np.where(np.arange(rows.shape[1]) % 2 == 0, 1, -1) / np.sqrt(rows.shape[1])
        rows[np.isnan(rows).any(axis=1)] = nobody
        return rows

    def extract_features(self, detections: Any, frame: Any) -> NDArray[np.float32]:
        """The same by the name before, with the two in either order: trackers 2.0 turns them."""
        if isinstance(detections, np.ndarray):
            detections, frame = frame, detections
        return self.extract_embeddings(detections, frame)
