"""Means over the random splits of a data set, which are what is published of such sets."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from crosscam.types import AnyScores

FIGURES = ("rank1", "rank5", "rank10", "mAP", "mINP")


@dataclass(frozen=True)
class SplitMeans:
    """The means of `splits` tests on splits of one data set, in [0, 1], by figure."""

    splits: int
    figures: Mapping[str, float]

    def to_json(self) -> dict[str, float | int]:
        """Every figure under the name that `--json` files use, and the number of splits."""
        return {"splits": self.splits, **self.figures}


def split_means(scores: Mapping[str, AnyScores]) -> dict[str, SplitMeans]:
    """The means over splits by data set, of tests by the names of their data.

    Splits are variants that end in a number, as in "viper:3" and "cuhk03:classic-detected:3"; a
    data set of which there is one alone has none.
    """
    groups: dict[str, list[AnyScores]] = {}
    for name, one in scores.items():
        base, _, split = name.rpartition(":")
        if base and split.isdecimal():
            groups.setdefault(base, []).append(one)
    return {base: _mean(tests) for base, tests in groups.items() if len(tests) > 1}


def _mean(tests: list[AnyScores]) -> SplitMeans:
    rows = [(*(one.at_rank(k) for k in (1, 5, 10)), one.mAP, one.mINP) for one in tests]
    means = np.mean(rows, axis=0).tolist()
    return SplitMeans(len(tests), dict(zip(FIGURES, means, strict=True)))
