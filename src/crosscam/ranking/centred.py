"""A float32 product of features that stand about their mean, with the bound of its error.

Taking the same vector off all features changes no distance between them, and makes the bound as
small as their spread allows, however far from the origin they lie.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from crosscam.arrays import FeaturesLike
from crosscam.devices import full_float32
from crosscam.errors import InputError
from crosscam.ranking.distances import normalise_rows
from crosscam.ranking.product import Product, survey
from crosscam.ranking.rows import Rows
from crosscam.types import Metric

STEP = 2048  # rows taken into float64 at a time


def read_features(
    queries: FeaturesLike, gallery: FeaturesLike, names: tuple[str, str], metric: Metric
) -> tuple[Tensor, Tensor]:
    """Both as (N, D) float32 on the queries' device; the same tensor if they are the same array.

    Raises `InputError` for what is not (N, D) floating and finite, for different D, and, with
    "cosine", for rows that are zero. `names` are what they are called in an error.
    """
    one = Rows.of(queries, names[0])
    other = one if gallery is queries else Rows.of(gallery, names[1], one.device)
    if one.dim != other.dim:
        raise InputError(
            f"{names[0]} have {one.dim} dimensions, {names[1]} {other.dim}: they must be of one "
            "model"
        )
    survey(one, names[0], metric)
    first = one.block(0, len(one))
    if other is one:
        return first, first
    survey(other, names[1], metric)
    return first, other.block(0, len(other))


def coordinates(features: Tensor, metric: Metric) -> Iterator[Tensor]:
    """The rows in float64, some at a time, as points whose distances order as the metric does.

    For "cosine" these are unit vectors, of which |q - g|^2 = 2 (1 - cosine).
    """
    for rows in features.split(STEP):
        yield rows.double() if metric == "euclidean" else normalise_rows(rows)


def centred_product(queries: Tensor, gallery: Tensor, metric: Metric) -> Product:
    """The product of the coordinates of float32 features, less the mean of the gallery's.

    The rounding of the differences to float32 is among those that the bound of the product counts;
    that of 1 - cosine in float64, which does not shrink with the spread, is added.
    """
    factor = 1.0
    if metric == "euclidean":  # in float32, a difference of huge or tiny features would be lost
        largest = max((float(x.abs().max()) for x in (queries, gallery) if x.numel()), default=0.0)
        factor = 2.0 ** -float(np.frexp(largest)[1])
    mean = gallery.new_zeros(gallery.shape[1], dtype=torch.float64)
    for rows in coordinates(gallery, metric):
        mean += (rows * factor).sum(dim=0) / max(1, len(gallery))
    other = _centred(gallery, metric, factor, mean)
    one = other if queries is gallery else _centred(queries, metric, factor, mean)
    sides = [survey(Rows.of(rows, "features"), "features", "euclidean") for rows in (one, other)]
    product = Product.of(sides[0], sides[1], "euclidean")
    return replace(
        product,
        errors=product.errors + (2.0**-48 * product.scale if metric == "cosine" else 0.0),
        scale=product.scale * factor**2,
    )


def _centred(features: Tensor, metric: Metric, factor: float, mean: Tensor) -> Tensor:
    centred = torch.empty_like(features)
    parts = zip(centred.split(STEP), coordinates(features, metric), strict=True)
    for part, rows in parts:
        part.copy_(rows * factor - mean)
    return centred


def dot_products(product: Product, queries: slice, gallery: slice, buffer: Tensor) -> Tensor:
    """All dot products of some queries with some of the gallery, float32, in the buffer's memory.

    Less the gallery's `halves` they are similarities.
    """
    one, other = (
        side.ready(side.rows.block(part.start, part.stop), part.start)
        for side, part in ((product.queries, queries), (product.gallery, gallery))
    )
    out = buffer[: len(one) * len(other)].view(len(one), len(other))
    with full_float32(), torch.autocast(one.device.type, enabled=False):
        return torch.mm(one, other.T, out=out)
