"""Neighbours, re-ranking and expansion in the plainest way: whole matrices, sets, loops.

Distances are float64, of (N, D) arrays; of equal distances the smaller index comes first.
"""

import numpy as np


def squared_distances(one, other):
    """All squared Euclidean distances."""
    differences = one[:, None].astype(np.float64) - other[None].astype(np.float64)
    return (differences**2).sum(axis=2)


def unit(features):
    """Rows of length 1."""
    features = features.astype(np.float64)
    return features / np.sqrt((features**2).sum(axis=1, keepdims=True))


def reciprocal(order, image, k):
    """Those of the first k + 1 of an image that have it among their first k + 1."""
    return {
        other for other in order[image, : k + 1].tolist() if image in order[other, : k + 1].tolist()
    }


def expanded(order, image, k):
    """The reciprocal set, with the half-size sets that lie in it for more than two thirds."""
    core = reciprocal(order, image, k)
    result = set(core)
    for member in core:
        half = reciprocal(order, member, round(k / 2))
        if 3 * len(half & core) > 2 * len(half):
            result |= half
    return sorted(result)


def rerank(queries, gallery, k1, k2, lambda_value):
    """Re-ranked distances (Zhong et al., CVPR 2017), by dense vectors of all images."""
    features = np.concatenate([queries, gallery])
    distances = squared_distances(features, features)
    largest = distances.max(axis=1, keepdims=True)
    shares = np.where(largest > 0, distances / np.where(largest > 0, largest, 1), 0)
    order = np.argsort(distances, axis=1, kind="stable")
    vectors = np.zeros_like(distances)
    for image in range(len(features)):
        members = expanded(order, image, k1)
        weights = np.exp(-shares[image, members])
        vectors[image, members] = weights / weights.sum()
    if k2 > 1:
        vectors = np.stack([vectors[near[:k2]].mean(axis=0) for near in order])
    result = np.empty((len(queries), len(gallery)))
    for query in range(len(queries)):
        for place in range(len(gallery)):
            image = len(queries) + place
            smaller = np.minimum(vectors[query], vectors[image]).sum()
            jaccard = 1 - smaller / (2 - smaller)
            share = shares[query, image]
            result[query, place] = (1 - lambda_value) * jaccard + lambda_value * share
    return result


def moved(queries, gallery, count, alpha, leave_out=()):
    """Queries with their nearest by cosine; `leave_out` pairs (query, gallery) do not count."""
    queries, gallery = unit(queries), unit(gallery)
    cosines = queries @ gallery.T
    result = []
    for index, query in enumerate(queries):
        near = np.argsort(-cosines[index], kind="stable")
        near = [place for place in near if (index, place) not in leave_out][:count]
        weights = [max(cosines[index, place], 0) ** alpha for place in near]
        total = query + sum(w * gallery[place] for w, place in zip(weights, near, strict=True))
        result.append(total if total.any() else query)
    return unit(np.array(result))
