"""The losses over pairs in the plainest way: one anchor, one pair, one Python float at a time.

Features are rows of floats, labels a list. Where a published loss takes a weight of a pair without
its gradient, it is taken of `seen`, which stays while features are moved to find a gradient.
"""

import math

import numpy as np


def gradient(loss, features, step=1e-5):
    """The gradient of `loss`, a function of rows of floats, by central differences: (N, D)."""
    rows = np.array(features, dtype=np.float64)
    found = np.zeros_like(rows)
    for place in np.ndindex(rows.shape):
        moved = []
        for sign in (1, -1):
            other = rows.copy()
            other[place] += sign * step
            moved.append(loss(other.tolist()))
        found[place] = (moved[0] - moved[1]) / (2 * step)
    return found


def distance(one, other):
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(one, other, strict=True)))


def unit(row):
    length = math.sqrt(sum(a * a for a in row))
    return [a / length for a in row]


def cosine(one, other):
    return sum(a * b for a, b in zip(unit(one), unit(other), strict=True))


def softplus(x):
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def pairs_of(anchor, labels):
    """The positives, without the anchor, and the negatives of an anchor, by number."""
    own = [i for i, label in enumerate(labels) if label == labels[anchor] and i != anchor]
    return own, [i for i, label in enumerate(labels) if label != labels[anchor]]


def triplet(features, labels, *, margin=0.3, soft=False, normalise=False):
    rows = [unit(row) for row in features] if normalise else features
    values = []
    for anchor, row in enumerate(rows):
        positives, negatives = pairs_of(anchor, labels)
        far = max((distance(row, rows[i]) for i in positives), default=0.0)
        near = min((distance(row, rows[i]) for i in negatives), default=math.inf)
        if math.isinf(near):
            values.append(0.0)
        elif soft:
            values.append(softplus(far - near))
        else:
            values.append(max(0.0, margin + far - near))
    return sum(values) / len(values)


def weighted_triplet(features, labels, *, floor=1e-6):
    values = []
    for anchor, row in enumerate(features):
        positives, negatives = pairs_of(anchor, labels)
        own = [0.0, *(distance(row, features[i]) for i in positives)]
        wrong = [distance(row, features[i]) for i in negatives]
        sum_own = sum(math.exp(d - max(own)) for d in own) + floor
        sum_wrong = sum(math.exp(-d) for d in wrong) + floor
        far = sum(d * math.exp(d - max(own)) / sum_own for d in own)
        near = sum(d * math.exp(-d) / sum_wrong for d in wrong)  # 0 where there are none
        values.append(softplus(far - near))
    return sum(values) / len(values)


def center(features, labels, centers):
    squared = [
        min(max(distance(row, centers[label]) ** 2, 1e-12), 1e12)
        for row, label in zip(features, labels, strict=True)
    ]
    return sum(squared) / len(squared)


def circle(features, labels, *, seen, scale=128.0, margin=0.25):
    values = []
    for anchor, row in enumerate(features):
        positives, negatives = pairs_of(anchor, labels)
        total = 0.0
        for i in positives:
            weight = max(0.0, 1 + margin - cosine(seen[anchor], seen[i]))
            for j in negatives:
                other = max(0.0, cosine(seen[anchor], seen[j]) + margin)
                pull = weight * (cosine(row, features[i]) - (1 - margin))
                push = other * (cosine(row, features[j]) - margin)
                total += math.exp(scale * (push - pull))
        values.append(math.log1p(total))
    return sum(values) / len(values)


def contrastive(features, labels, *, temperature=0.1):
    values = []
    for anchor, row in enumerate(features):
        positives, negatives = pairs_of(anchor, labels)
        whole = sum(math.exp(cosine(row, features[i]) / temperature) for i in positives + negatives)
        own = [math.exp(cosine(row, features[i]) / temperature) / whole for i in positives]
        values.append(-sum(math.log(chance) for chance in own) / len(own) if own else 0.0)
    return sum(values) / len(values)


def multi_similarity(features, labels, *, alpha=2.0, beta=40.0, base=0.5, margin=0.7):
    values = []
    for anchor, row in enumerate(features):
        positives, negatives = pairs_of(anchor, labels)
        own = [s for i in positives if (s := cosine(row, features[i])) < 1 - 1e-5]
        wrong = [cosine(row, features[i]) for i in negatives]
        if not own or not wrong:
            values.append(0.0)
            continue
        pulled = [s for s in own if s - margin < max(wrong)]
        pushed = [s for s in wrong if s + margin > min(own)]
        pull = math.log1p(sum(math.exp(-alpha * (s - base)) for s in pulled)) / alpha
        push = math.log1p(sum(math.exp(beta * (s - base)) for s in pushed)) / beta
        values.append(pull + push)
    return sum(values) / len(values)


def margin_logits(name, cosines, labels, *, scale, margin, seen):
    """Logits of cosines by the name of the classifier, one image and class at a time."""
    rows = []
    for place, (row, label) in enumerate(zip(cosines, labels, strict=True)):
        logits = []
        for number, value in enumerate(row):
            before, true = seen[place][number], number == label
            if name == "circle" and true:
                logits.append(scale * max(0.0, 1 + margin - before) * (value - (1 - margin)))
            elif name == "circle":
                logits.append(scale * max(0.0, before + margin) * (value - margin))
            elif not true or name == "cosine":
                logits.append(scale * value)
            elif name == "cosface":
                logits.append(scale * (value - margin))
            elif math.acos(value) + margin < math.pi:
                logits.append(scale * math.cos(math.acos(value) + margin))
            else:
                logits.append(scale * (value - margin * math.sin(margin)))
        rows.append(logits)
    return rows
