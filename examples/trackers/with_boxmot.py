"""BoxMOT with crosscam's features, by the shape of its interface; nothing of it is imported.

    # pip install crosscam boxmot
    embedder = crosscam.load_embedder("runs/demo")
    reid = CrosscamReID(embedder)
    tracker = BotSort(reid_model=reid)  # BoxMOT 25; in 13, tracker.model = reid

BoxMOT is under the AGPL, which asks for the source of whatever is served with it: whether that
suits you is yours to decide, and crosscam does not depend on it. This file is under crosscam's
licence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from crosscam.embedding.embedder import Embedder
from crosscam.embedding.pictures import ChannelOrder


@dataclass(frozen=True)
class CrosscamReID:
    """What BoxMOT asks of a model of appearance, in its version 25 and in those before."""

    embedder: Embedder

    @property
    def embedding_dim(self) -> int:
        """D, the length of a feature."""
        return self.embedder.feature_dim

    @property
    def requirements(self) -> SimpleNamespace:
        """What must be known of detections besides their boxes: nothing."""
        return SimpleNamespace(masks=False)

    def encode(self, frames: Sequence[Any], detections: Sequence[Any]) -> list[Tensor]:
        """For each frame (N, D) float32 of unit length, a row a detection, on the CPU.

        Of a frame `image` is read, a (3, H, W) uint8 tensor, RGB, and of its detections
        `geometry.values`, (N, 4): left, top, right, bottom.
        """
        if len(frames) != len(detections):
            raise ValueError(f"{len(frames)} frames, and detections of {len(detections)}")
        found = []
        for frame, seen in zip(frames, detections, strict=True):
            pixels = frame.image.permute(1, 2, 0).numpy()
            rows = self._rows(pixels, seen.geometry.values, order="rgb")
            found.append(torch.from_numpy(rows))
        return found

    def get_features(self, xyxys: ArrayLike, img: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, D) float32 of unit length, of (N, 4) boxes in a (H, W, 3) uint8 BGR frame."""
        return self._rows(img, xyxys, order="bgr")

    def _rows(
        self, frame: NDArray[np.uint8], boxes: Any, *, order: ChannelOrder
    ) -> NDArray[np.float32]:
        """Unit rows, those of boxes outside the frame like nobody's: BoxMOT refuses NaN."""
        rows = self.embedder.embed_boxes(frame, boxes, order=order, missing="nan", unit_length=True)
        nobody = np.where(np.arange(rows.shape[1]) % 2 == 0, 1, -1) / np.sqrt(rows.shape[1])
        rows[np.isnan(rows).any(axis=1)] = nobody
        return rows
