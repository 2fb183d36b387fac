"""Words that settings choose from."""

from typing import Literal

Metric = Literal["euclidean", "cosine"]
Protocol = Literal["cross-camera", "no-cameras", "single-shot"]
Pooling = Literal["mean", "max"]
Figure = Literal["rank1", "rank5", "rank10", "mAP", "mINP"]
