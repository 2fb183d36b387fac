"""From the ranks of positives to CMC, mAP and mINP."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from crosscam.errors import InputError
from crosscam.types import Int64s, Ranking, Scores

_LARGEST = 10**7


@dataclass(frozen=True, eq=False)
class Ranks:
    """The ranks of the positives of consecutive queries, from 1, rising within a query.

    Those of query i stand at `offsets[i]` to `offsets[i + 1]`.
    """

    offsets: Int64s
    ranks: Int64s

    @classmethod
    def of(cls, offsets: Int64s, wrong: Int64s) -> "Ranks":
        """From how many wrong images are not further away than each positive, rising."""
        places = np.arange(len(wrong)) - np.repeat(offsets[:-1], np.diff(offsets))
        return cls(offsets, 1 + places + wrong)


def check_size(name: str, value: int) -> None:
    """Raises `InputError` for what is not a whole number of things, from 1."""
    if not isinstance(value, int) or not 1 <= value <= _LARGEST:
        raise InputError(f"{name} must be an integer from 1 to {_LARGEST}, not {value!r}")


def score_ranking(ranking: Ranking, *, max_rank: int = 50) -> Scores:
    """The scores of a ranking, those of `rank` to the bit.

    Raises `InputError` if no query has a positive.
    """
    check_size("max_rank", max_rank)
    return score_ranks([Ranks(ranking.matches.offsets, ranking.ranks)], max_rank)


def score_ranks(parts: Sequence[Ranks], max_rank: int) -> Scores:
    """Score all queries, given in parts.

    Raises `InputError` if no query has a positive.
    """
    counts = np.concatenate([np.diff(part.offsets) for part in parts] or [np.zeros(0, np.int64)])
    valid = np.flatnonzero(counts)
    if not len(valid):
        raise InputError(
            f"none of the {len(counts)} queries has a true match in the gallery (of its person, "
            "from another camera): check the labels, or leave the camera ids out"
        )
    ranks = np.concatenate([part.ranks for part in parts])
    starts = np.concatenate([[0], np.cumsum(counts)])[valid]
    last = starts + counts[valid] - 1
    places = 1 + np.arange(len(ranks)) - np.repeat(starts, counts[valid])
    precisions, penalties = np.full(len(counts), np.nan), np.full(len(counts), np.nan)
    precisions[valid] = np.add.reduceat(places / ranks, starts) / counts[valid]
    penalties[valid] = counts[valid] / ranks[last]
    first = np.zeros(len(counts), dtype=np.int64)
    first[valid] = ranks[starts]
    hits = np.bincount(np.minimum(first[valid], max_rank + 1), minlength=max_rank + 2)
    return Scores(
        cmc=np.cumsum(hits[1 : max_rank + 1]) / len(valid),
        mAP=float(precisions[valid].mean()),
        mINP=float(penalties[valid].mean()),
        num_valid_queries=len(valid),
        average_precisions=precisions,
        inverse_penalties=penalties,
        first_match_ranks=first,
    )
