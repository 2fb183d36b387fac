"""Fitting how probable it is, at a distance, that two pictures show the same person.

All pairs of the given images that count are used: of the same person from two cameras, and of two
people. Both kinds weigh the same in all. Platt's sigmoid and an isotonic curve are fitted to pairs
of some of the people and judged by the likelihood of pairs of the others, in folds over people;
the better kind is fitted to all. Sources are named in `crosscam.decisions.calibration`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from crosscam.decisions.calibration import Calibration, Threshold
from crosscam.decisions.false_accepts import FARS, allowed
from crosscam.errors import InputError
from crosscam.ranking.distances import in_units, product_distances
from crosscam.ranking.product import blocks
from crosscam.types import Embeddings, Float64s, Int64s, Metric

MOST_IMAGES = 3000  # whose pairs are some millions
FEWEST_PEOPLE, FEWEST_GENUINE, FEWEST_IMPOSTOR = 5, 30, 100
_FOLDS = 5
_GROUPS = 4096  # of distances that are taken together
_STEPS = 100
_BLOCK = 512  # images


@dataclass(frozen=True, eq=False)
class ImagePairs:
    """Pairs of images: (P,) float64 distances, whether each is of one person, and whose they are.

    `first` and `second` are (P,) rows of the people.
    """

    distances: Float64s
    genuine: Int64s
    first: Int64s
    second: Int64s


@dataclass(frozen=True, eq=False)
class Pool:
    """Pairs taken together by distance: (B,) rising distances, and the weight of each kind there.

    The weights of a kind sum to 1/2; `counts` are how many pairs of each kind there are in all.
    """

    distances: Float64s
    genuine: Float64s
    impostor: Float64s
    counts: tuple[int, int]

    @classmethod
    def of(cls, distances: Float64s, genuine: Int64s) -> "Pool":
        """Take equal distances together, and where there are many different ones, close ones."""
        places, groups = np.unique(distances, return_inverse=True)
        if len(places) > _GROUPS:
            span = places[-1] - places[0]
            wide = ((distances - places[0]) * ((_GROUPS - 1) / span)).astype(np.int64)
            groups = np.unique(wide, return_inverse=True)[1]
            places = np.bincount(groups, distances) / np.bincount(groups)
        same = np.bincount(groups, genuine, len(places))
        other = np.bincount(groups, 1 - genuine, len(places))
        counts = int(same.sum()), int(other.sum())
        return cls(places, same / (2 * max(1, counts[0])), other / (2 * max(1, counts[1])), counts)

    @property
    def targets(self) -> tuple[float, float]:
        """What to aim at for impostor and for genuine pairs, short of certainty (Platt 1999)."""
        return 1 / (self.counts[1] + 2), (self.counts[0] + 1) / (self.counts[0] + 2)

    def log_likelihood(self, log_odds: Float64s) -> float:
        """Of the pairs, by the log odds (B,) at their distances: the mean, kinds weighing alike."""
        genuine = self.genuine @ np.logaddexp(0, -log_odds)
        return -float(genuine + self.impostor @ np.logaddexp(0, log_odds))


Fit = Callable[[Pool], Callable[[Float64s], Float64s]]


def fit_calibration(
    images: Embeddings, *, metric: Metric, data: str, made_by: str, seed: int = 0
) -> Calibration:
    """Fit a calibration to images of people whom training has not seen.

    `data` and `made_by` are noted in it. Of more than 3,000 images some people's are drawn by
    `seed`. Raises `InputError` if there are too few people or pairs, and if pairs of the same
    person are not nearer than others.
    """
    images = _fewer(images, seed)
    refuse_few_pairs(images.pids, images.camids)
    pairs = image_pairs(images, metric)
    pool = Pool.of(pairs.distances, pairs.genuine)
    slope, intercept = fit_platt(pool)
    if slope <= 0:
        raise InputError(
            "pairs of the same person are not nearer than pairs of different people, so a distance "
            "says nothing; train the model first"
        )
    likelihoods = _held_out_likelihoods(pairs, seed)
    is_platt = likelihoods["platt"] >= likelihoods["isotonic"]
    return Calibration(
        kind="platt" if is_platt else "isotonic",
        slope=slope if is_platt else None,
        intercept=intercept if is_platt else None,
        knots=() if is_platt else fit_isotonic(pool),
        metric=metric,
        made_by=made_by,
        data=data,
        pids=tuple(np.unique(images.pids).tolist()),
        camids=None if images.camids is None else tuple(np.unique(images.camids).tolist()),
        images=len(images.pids),
        genuine_pairs=pool.counts[0],
        impostor_pairs=pool.counts[1],
        log_likelihoods=likelihoods,
        thresholds=_thresholds(pairs),
    )


def refuse_few_pairs(pids: Int64s, camids: Int64s | None) -> None:
    """Raise `InputError` if images so labelled, (N,), are too few to fit a calibration to."""
    first, second = np.triu_indices(len(pids), k=1)
    same = pids[first] == pids[second]
    impostor = int((~same).sum())
    if camids is not None:
        same &= camids[first] != camids[second]
    people, genuine = len(np.unique(pids)), int(same.sum())
    if people < FEWEST_PEOPLE or genuine < FEWEST_GENUINE or impostor < FEWEST_IMPOSTOR:
        across = "" if camids is None else " from two cameras"
        raise InputError(
            f"{people} people with {genuine} pairs of one person{across} and {impostor} pairs of "
            f"two are too few to fit a probability to; it takes {FEWEST_PEOPLE} people, "
            f"{FEWEST_GENUINE} and {FEWEST_IMPOSTOR} pairs"
        )


def image_pairs(images: Embeddings, metric: Metric) -> ImagePairs:
    """All pairs of images that count: those of one person and one camera do not."""
    _, people = np.unique(images.pids, return_inverse=True)
    features = torch.from_numpy(images.features)
    parts = []
    for start, stop in blocks(len(people), _BLOCK):
        rows = np.arange(start, stop)[:, None]
        same = people[rows] == people[start:]
        counted = rows < np.arange(start, len(people))
        if images.camids is not None:
            counted &= ~(same & (images.camids[rows] == images.camids[start:]))
        distances = product_distances(features[start:stop], features[start:], metric).numpy()
        one, other = np.nonzero(counted)
        parts.append(
            (distances[counted], same[counted], people[start + one], people[start + other])
        )
    distances, genuine, first, second = (np.concatenate(part) for part in zip(*parts, strict=True))
    return ImagePairs(in_units(distances, metric), genuine.astype(np.int64), first, second)


def fit_platt(pool: Pool) -> tuple[float, float]:
    """Slope and intercept of the log odds `intercept - slope * distance`, by Newton's method."""
    middle, scale = float(pool.distances.mean()), float(pool.distances.std()) or 1.0
    design = np.stack([np.ones(len(pool.distances)), (pool.distances - middle) / scale], axis=1)
    low, high = pool.targets
    weights = pool.genuine + pool.impostor
    wanted = pool.genuine * high + pool.impostor * low
    point = np.zeros(2)

    def loss(at: Float64s) -> float:
        log_odds = design @ at
        return float(weights @ np.logaddexp(0, log_odds) - wanted @ log_odds)

    for _ in range(_STEPS):
        chances = 1 / (1 + np.exp(-np.clip(design @ point, -500, 500)))
        slope = design.T @ (weights * chances - wanted)
        curve = (design.T * (weights * chances * (1 - chances))) @ design + 1e-12 * np.eye(2)
        step = np.linalg.solve(curve, slope)
        while loss(point - step) > loss(point) and np.abs(step).max() > 1e-12:
            step /= 2
        point = point - step
        if np.abs(step).max() < 1e-10:
            break
    return -point[1] / scale, point[0] - point[1] * middle / scale


def fit_isotonic(pool: Pool) -> tuple[tuple[float, float], ...]:
    """Knots of the falling curve nearest to the pairs: pool adjacent violators.

    (Ayer et al., Annals of Mathematical Statistics 1955.) Each level stands at the first and the
    last distance that it holds for; levels stay short of certainty, as Platt's targets do.
    """
    weights = pool.genuine + pool.impostor
    levels: list[tuple[float, float, int, int]] = []  # genuine weight, weight, first, last
    for place, (genuine, weight) in enumerate(zip(pool.genuine, weights, strict=True)):
        new = (float(genuine), float(weight), place, place)
        while levels and levels[-1][0] * new[1] <= new[0] * levels[-1][1]:
            before = levels.pop()
            new = (before[0] + new[0], before[1] + new[1], before[2], place)
        levels.append(new)
    low, high = pool.targets
    knots: dict[float, float] = {}
    for genuine, weight, first, last in levels:
        level = min(high, max(low, genuine / weight))
        for place in (first, last):
            knots[float(pool.distances[place])] = level
    return tuple(knots.items())


def _held_out_likelihoods(pairs: ImagePairs, seed: int) -> dict[str, float]:
    """By kind, the mean log likelihood of the pairs of people who were left out of the fit."""
    count = int(max(pairs.first.max(), pairs.second.max())) + 1
    folds = min(_FOLDS, count // 2)
    fold = np.random.default_rng(seed).permutation(count) % folds
    found: dict[str, list[float]] = {"platt": [], "isotonic": []}
    for number in range(folds):
        ours, theirs = fold[pairs.first] == number, fold[pairs.second] == number
        fitted = Pool.of(pairs.distances[~ours & ~theirs], pairs.genuine[~ours & ~theirs])
        left = Pool.of(pairs.distances[ours & theirs], pairs.genuine[ours & theirs])
        if min(fitted.counts) == 0 or min(left.counts) == 0:
            continue
        slope, intercept = fit_platt(fitted)
        found["platt"].append(left.log_likelihood(intercept - slope * left.distances))
        chances = np.interp(left.distances, *np.array(fit_isotonic(fitted)).T)
        found["isotonic"].append(left.log_likelihood(np.log(chances / (1 - chances))))
    if not found["platt"]:
        raise InputError(
            "the people to fit a probability to have too few pairs each to hold any of them out; "
            "take more people"
        )
    return {kind: float(np.mean(values)) for kind, values in found.items()}


def _thresholds(pairs: ImagePairs) -> tuple[Threshold, ...]:
    """For each FAR that there are enough pairs for, the largest distance that keeps it."""
    genuine = pairs.distances[pairs.genuine == 1]
    impostor = np.sort(pairs.distances[pairs.genuine == 0])
    thresholds = []
    for far in FARS:
        most = allowed(far, len(impostor))
        if most:
            distance = impostor[most]  # not accepted itself, so no more than that many are
            thresholds.append(
                Threshold(
                    far=far,
                    distance=float(distance),
                    tar=float((genuine < distance).mean()),
                )
            )
    return tuple(thresholds)


def _fewer(images: Embeddings, seed: int) -> Embeddings:
    """The images of so many people, drawn by the seed, as are not too many in all."""
    if len(images.pids) <= MOST_IMAGES:
        return images
    people, rows, counts = np.unique(images.pids, return_inverse=True, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(people))
    taken = order[np.cumsum(counts[order]) <= MOST_IMAGES]
    kept = np.isin(rows, taken)
    camids = None if images.camids is None else images.camids[kept]
    return Embeddings(images.features[kept], images.pids[kept], camids, images.made_by)
