"""Gallery images with equal features, which a search need not tell apart."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from crosscam.ranking.candidates import Candidates, ranges
from crosscam.ranking.centred import STEP, coordinates
from crosscam.types import Int64s, Metric


@dataclass(frozen=True, eq=False)
class Copies:
    """Which of N rows are equal, in groups, of which there are U.

    `firsts` (U,) are the rows that no earlier one is equal to, rising, and `groups` (N,) says for
    each row which of them it is equal to. The rows of group i are
    members[starts[i] : starts[i] + counts[i]], rising.
    """

    firsts: Int64s
    groups: Int64s
    members: Int64s
    starts: Int64s
    counts: Int64s

    @property
    def any(self) -> bool:
        """Whether there are equal rows at all."""
        return len(self.firsts) < len(self.members)

    @classmethod
    def of(cls, features: Tensor, metric: Metric) -> "Copies":
        """Those of (N, D) float32 features; with "cosine", rows of equal directions."""
        firsts, groups = np.unique(_first_equal(features, metric), return_inverse=True)
        members = np.argsort(groups, kind="stable")
        counts = np.bincount(groups, minlength=len(firsts))
        return cls(firsts, groups, members, np.cumsum(counts) - counts, counts)

    def spread(self, found: Candidates, k: int) -> Candidates:
        """The k nearest rows of each query, from the k nearest groups."""
        counts = np.minimum(self.counts[found.columns], k)
        places = ranges(self.starts[found.columns], counts)
        return Candidates(
            np.repeat(found.rows, counts),
            self.members[places],
            np.repeat(found.distances, counts),
        ).first(k)


def _first_equal(features: Tensor, metric: Metric) -> Int64s:
    """For each row the first one that is equal to it, found by a hash, then compared: (N,)."""
    weights = np.random.default_rng(0).integers(0, 2**62, features.shape[1])
    odd = torch.from_numpy(2 * weights + 1).to(features.device)
    # Adding 0 makes -0 into 0. The low bits of a double that was a float32 are all 0.
    bits = ((rows + 0.0).view(torch.int64) for rows in coordinates(features, metric))
    hashes = torch.cat([((part ^ (part >> 32)) * odd).sum(dim=1) for part in bits])
    _, firsts, groups = np.unique(hashes.cpu().numpy(), return_index=True, return_inverse=True)
    first: Int64s = firsts[groups]
    doubtful = np.flatnonzero(first != np.arange(len(first)))
    for start in range(0, len(doubtful), STEP):
        rows = doubtful[start : start + STEP]
        one, other = (
            next(coordinates(features[torch.from_numpy(places).to(features.device)], metric))
            for places in (rows, first[rows])
        )
        differ = (one != other).any(dim=1).cpu().numpy()
        first[rows[differ]] = rows[differ]
    return first
