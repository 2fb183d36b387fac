"""Multi-query: one feature of all images that a camera has of the query's person.

Zheng et al., ICCV 2015: the features of these images are pooled elementwise, by mean or by maximum.
"""

from collections.abc import Sequence

import numpy as np

from crosscam.embedding.samples import labels_of
from crosscam.errors import DataError
from crosscam.types import Embeddings, Pooling, Sample


def pool_queries(queries: Sequence[Sample], images: Embeddings, pooling: Pooling) -> Embeddings:
    """For each query the pooled features of those `images` that are of its person and camera.

    Raises `DataError` if a query has no such image.
    """
    pids, camids = labels_of(queries)
    if camids is None or images.camids is None:
        raise DataError("multi-query needs camera ids, which this data set has not")
    features = np.empty((len(queries), images.features.shape[1]), dtype=np.float32)
    places: dict[tuple[int, int], list[int]] = {}
    for place, key in enumerate(zip(images.pids.tolist(), images.camids.tolist(), strict=True)):
        places.setdefault(key, []).append(place)
    for row, (pid, camid) in enumerate(zip(pids.tolist(), camids.tolist(), strict=True)):
        if (pid, camid) not in places:
            raise DataError(
                f"multi-query: there is no image of person {pid} in camera {camid} to pool for the "
                f"query {queries[row].path}"
            )
        own = images.features[places[pid, camid]]
        features[row] = own.mean(axis=0) if pooling == "mean" else own.max(axis=0)
    return Embeddings(features, pids, camids)
