"""Queries and gallery images moved towards their nearest: query expansion, gallery augmentation.

A feature becomes the weighted sum of itself, with weight 1, and of its nearest gallery images, all
of length 1, divided by its length. The weights are the cosines raised to the power of alpha,
negative ones taken as 0:

* alpha = 0 weighs all alike: average query expansion (Chum et al., ICCV 2007), and in the gallery
  database-side augmentation (Turcot & Lowe, ICCV workshops 2009; Arandjelovic & Zisserman, CVPR
  2012);
* alpha > 0 is alpha query expansion (Radenovic et al., TPAMI 2018).

Sums are float64 and added from the nearest on, so that blocks, threads and devices change nothing.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crosscam.arrays import FeaturesLike
from crosscam.errors import InputError
from crosscam.ranking.centred import STEP, read_features
from crosscam.ranking.distances import normalise_rows
from crosscam.ranking.neighbours import Neighbours, nearest

Float32s = NDArray[np.float32]


def expand_queries(
    queries: FeaturesLike, gallery: FeaturesLike, *, count: int, alpha: float = 0.0
) -> Float32s:
    """Each query with its `count` nearest gallery images by cosine: (Q, D) float32, of length 1.

    Features are (Q, D) and (G, D) NumPy arrays or torch tensors, on any device, floating and
    finite, of any length but 0. A query whose sum is 0 stays as it is, normalised.

    Raises `InputError` for shapes that do not fit, for features that are zero or not finite, for a
    `count` that is not from 1 to G, and for an `alpha` that is negative or not finite.
    """
    _check(alpha)
    one, other = read_features(queries, gallery, ("queries", "gallery"), "cosine")
    _check_count(count, len(other), "images of the gallery")
    return _moved(one, other, nearest(one, other, k=count, metric="cosine"), alpha)


def augment_gallery(gallery: FeaturesLike, *, count: int, alpha: float = 0.0) -> Float32s:
    """Each gallery image with its `count` nearest others by cosine: (G, D) float32, of length 1.

    Features, `alpha` and what is raised are those of `expand_queries`; `count` is from 1 to G - 1.
    """
    _check(alpha)
    features, _ = read_features(gallery, gallery, ("gallery", "gallery"), "cosine")
    _check_count(count, len(features) - 1, "other images of the gallery")
    found = nearest(features, features, k=count + 1, metric="cosine")
    own = found.indices == np.arange(len(features))[:, None]
    own[~own.any(axis=1), -1] = True  # one of more than `count` equal images may not be among them
    others = Neighbours(
        found.indices[~own].reshape(-1, count), found.distances[~own].reshape(-1, count)
    )
    return _moved(features, features, others, alpha)


def _check(alpha: float) -> None:
    if not isinstance(alpha, (int, float)) or not 0 <= alpha < math.inf:
        raise InputError(f"alpha must be a number from 0 on, not {alpha!r}")


def _check_count(count: int, most: int, of: str) -> None:
    if not isinstance(count, int) or not 1 <= count <= most:
        raise InputError(f"count must be an integer from 1 to the {most} {of}, not {count!r}")


def _moved(features: Tensor, gallery: Tensor, near: Neighbours, alpha: float) -> Float32s:
    cosines = np.maximum(1 - near.distances, 0)
    weights = torch.from_numpy(cosines**alpha).to(features.device)  # 0 ** 0 is 1
    indices = torch.from_numpy(near.indices).to(features.device)
    result = torch.empty_like(features)
    with torch.inference_mode():
        for start in range(0, len(features), STEP):
            block = slice(start, start + STEP)
            own = normalise_rows(features[block])
            total = own.clone()
            for column, weight in zip(indices[block].T, weights[block].T, strict=True):
                total += weight.unsqueeze(1) * normalise_rows(gallery[column])
            nothing = (total == 0).all(dim=1)
            total[nothing] = own[nothing]
            result[block] = normalise_rows(total).float()
    moved: Float32s = result.cpu().numpy()
    return moved
