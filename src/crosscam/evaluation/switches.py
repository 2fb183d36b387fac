"""The switches that change what is compared after the features are there."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from crosscam.errors import InputError
from crosscam.ranking.distances import normalise_rows
from crosscam.ranking.expansion import augment_gallery, expand_queries
from crosscam.ranking.reranking import rerank_blocks
from crosscam.settings.evaluation import EvaluationSettings
from crosscam.types import Embeddings, Metric


def expanded(
    query: Embeddings, gallery: Embeddings, settings: EvaluationSettings
) -> tuple[Embeddings, Embeddings]:
    """The gallery augmented, then the queries expanded by it, as `settings` ask.

    If either is done, features of both are of length 1. Raises `InputError` for a zero feature.
    """
    if not settings.is_expanding:
        return query, gallery
    ours, theirs = unit_rows(query.features), unit_rows(gallery.features)
    if settings.augment:
        theirs = augment_gallery(theirs, count=settings.augment, alpha=settings.alpha)
    if settings.expand:
        ours = expand_queries(ours, theirs, count=settings.expand, alpha=settings.alpha)
    return (
        replace(query, features=ours, made_by=None),
        replace(gallery, features=theirs, made_by=None),
    )


def reranked_distances(
    query: Embeddings, gallery: Embeddings, *, metric: Metric, settings: EvaluationSettings
) -> Iterator[NDArray[np.float32]]:
    """Blocks of rows of the re-ranked distances, (b, G) float32; "cosine" normalises before."""
    features = query.features, gallery.features
    if metric == "cosine":
        features = unit_rows(query.features), unit_rows(gallery.features)
    blocks: Iterator[NDArray[np.float32]] = rerank_blocks(
        *features, k1=settings.k1, k2=settings.k2, lambda_value=settings.lambda_value
    )
    return blocks


def unit_rows(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, D) rows divided by their lengths. Raises `InputError` for a zero row."""
    zero = int((features == 0).all(axis=1).sum())
    if zero:
        raise InputError(
            f"{zero} of {len(features)} features are zero, which no length can be given: the "
            "model's weights are broken, or training diverged"
        )
    rows: NDArray[np.float32] = normalise_rows(torch.from_numpy(features)).float().numpy()
    return rows


def apply_protocol(
    query: Embeddings, gallery: Embeddings, settings: EvaluationSettings
) -> tuple[Embeddings, Embeddings]:
    """The same, without cameras where the protocol leaves out no image for its camera."""
    if settings.leaves_out_cameras:
        return query, gallery
    return without_cameras(query), without_cameras(gallery)


def without_cameras(embeddings: Embeddings) -> Embeddings:
    """The same embeddings with the cameras forgotten."""
    return replace(embeddings, camids=None)
