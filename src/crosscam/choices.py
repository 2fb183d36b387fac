"""Words that settings choose from, and the usual values of those that several places state."""

from typing import Literal

Metric = Literal["euclidean", "cosine"]
Protocol = Literal["cross-camera", "no-cameras", "single-shot", "clothes-changing", "same-clothes"]
Clothes = Literal["other", "same"]  # that a true match wears, compared with the query's
Pooling = Literal["mean", "max"]
Runtime = Literal["torch", "onnx", "openvino"]
Precision = Literal["float32", "bf16", "float16", "int8"]
Figure = Literal["rank1", "rank5", "rank10", "mAP", "mINP"]

K1, K2, LAMBDA = 20, 6, 0.3  # of k-reciprocal re-ranking, as its authors have them
