"""The ranking rules in the plainest way: Python integers, exact fractions, one pair at a time.

Features must be integers here, so that distances are exact and a tie is a tie.
"""

import functools
import itertools
import math
from fractions import Fraction


def squared_distance(query, candidate):
    """The exact squared Euclidean distance of two vectors of integers."""
    return sum((int(a) - int(b)) ** 2 for a, b in zip(query, candidate, strict=True))


def positive_ranks(query, gallery, pid, gallery_pids, camid, gallery_camids, wears=None):
    """The ranks of one query's positives, ties against the model; see `crosscam.rank`.

    `wears` says of a gallery index whether its clothes let it be a positive.
    """
    positives, wrong = [], []
    for index, candidate in enumerate(gallery):
        distance = squared_distance(query, candidate)
        if gallery_pids[index] == -1:
            continue
        if gallery_pids[index] != pid:
            wrong.append(distance)
        elif (camid is None or gallery_camids[index] != camid) and (wears is None or wears(index)):
            positives.append(distance)
    return [
        place + sum(other <= distance for other in wrong)
        for place, distance in enumerate(sorted(positives), start=1)
    ]


def scores(
    queries,
    gallery,
    query_pids,
    gallery_pids,
    query_camids,
    gallery_camids,
    max_rank,
    wears=lambda query, image: True,
):
    """(cmc, mAP, mINP, number of valid queries), as exact fractions."""
    ranks = [
        positive_ranks(
            query,
            gallery,
            query_pids[index],
            gallery_pids,
            None if query_camids is None else query_camids[index],
            gallery_camids,
            functools.partial(wears, index),
        )
        for index, query in enumerate(queries)
    ]
    valid = [own for own in ranks if own]
    precisions = [
        sum(Fraction(place, rank) for place, rank in enumerate(own, start=1)) / len(own)
        for own in valid
    ]
    penalties = [Fraction(len(own), own[-1]) for own in valid]
    cmc = [Fraction(sum(own[0] <= k for own in valid), len(valid)) for k in range(1, max_rank + 1)]
    return cmc, sum(precisions) / len(valid), sum(penalties) / len(valid), len(valid)


def single_shot_scores(query, gallery, pid, gallery_pids, camid, gallery_camids):
    """One query's chances of each rank and its mean of 1 / rank, over every gallery there can be.

    Each gallery has one image a person, of the query's own person one from another camera.
    """
    people = {}
    for index, candidate in enumerate(gallery):
        same_camera = camid is not None and gallery_camids[index] == camid
        if gallery_pids[index] != -1 and not (gallery_pids[index] == pid and same_camera):
            people.setdefault(gallery_pids[index], []).append(squared_distance(query, candidate))
    true = people.pop(pid, [])
    if not true:
        return [], None
    galleries = list(itertools.product(true, *people.values()))
    ranks = [1 + sum(other <= drawn[0] for other in drawn[1:]) for drawn in galleries]
    chances = [Fraction(ranks.count(k), len(ranks)) for k in range(1, len(people) + 2)]
    return chances, sum(Fraction(1, rank) for rank in ranks) / len(ranks)


def batch_hard_triplet(features, labels, margin):
    """The loss and nothing else, by three nested loops over Python floats."""
    rows = features.tolist()
    hinges = []
    for anchor, label in zip(rows, labels.tolist(), strict=True):
        near, far = float("inf"), 0.0
        for other, other_label in zip(rows, labels.tolist(), strict=True):
            distance = sum((a - b) ** 2 for a, b in zip(anchor, other, strict=True)) ** 0.5
            if other_label == label:
                far = max(far, distance)
            else:
                near = min(near, distance)
        hinges.append(max(0.0, margin + far - near))
    return sum(hinges) / len(hinges)


def cross_entropy(logits, labels, smoothing):
    """Label-smoothed cross entropy, term by term over Python floats."""
    total = 0.0
    for row, label in zip(logits.tolist(), labels.tolist(), strict=True):
        normaliser = math.log(sum(math.exp(value) for value in row))
        for index, value in enumerate(row):
            target = smoothing / len(row) + (1 - smoothing) * (index == label)
            total -= target * (value - normaliser)
    return total / len(logits)
