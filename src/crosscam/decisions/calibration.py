"""From a distance to the probability that two pictures show the same person.

It is fitted by `crosscam.decisions.calibrating`, on people whom training has not seen, and stands
in `model.json`. Two kinds: Platt's sigmoid of the distance (Platt, "Probabilistic outputs for
support vector machines", 1999), or a falling curve through knots, fitted isotonically (Zadrozny &
Elkan, KDD 2002).
"""

from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from crosscam.arrays import DistancesLike, take_array
from crosscam.errors import InputError
from crosscam.types import Float64s, Metric

PRIOR = 0.5
_SMALLEST = 1e-12  # of a probability, so that its odds are finite

Share = Annotated[float, Field(ge=0, le=1)]
Distance = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(gt=0)]


class Threshold(BaseModel):
    """A distance below which two pictures are taken for the same person, and what that costs.

    far: the share of pairs of different people that are accepted, on the people it was fitted on.
    tar: the share of pairs of the same person that are accepted, on the same.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    far: Share
    distance: Distance
    tar: Share


class Calibration(BaseModel):
    """How probable it is, at a distance, that two pictures show the same person.

    kind: "platt", with a slope and an intercept of the log odds, or "isotonic", with knots.
    knots: (distance, probability) pairs, the distance rising and the probability falling.
    metric: of the distance: Euclidean (not squared), or 1 - cosine.
    made_by: the weights and the preprocessing it belongs to, see `Embedder.made_by`.
    data: the data set it was fitted on, whose people `pids` and cameras `camids` were, None where
        cameras are not known.
    log_likelihoods: by kind, the mean over pairs of people held out of the fit; the larger was
        taken. Pairs of the same person weigh as much as those of different people: so the
        probabilities are those where half of all pairs are of the same person.
    thresholds: by rising FAR; a FAR for which there were too few pairs is not there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["platt", "isotonic"]
    slope: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    intercept: Number | None = None
    knots: Annotated[tuple[tuple[Distance, Share], ...], Field(max_length=10_000)] = ()
    metric: Metric
    made_by: str
    data: str
    pids: tuple[int, ...]
    camids: tuple[int, ...] | None
    images: Count
    genuine_pairs: Count
    impostor_pairs: Count
    log_likelihoods: dict[str, Number]
    thresholds: tuple[Threshold, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.kind == "platt" and (self.slope is None or self.intercept is None):
            raise ValueError("a Platt calibration needs a slope and an intercept")
        if self.kind == "isotonic":
            if not self.knots:
                raise ValueError("an isotonic calibration needs knots")
            if any(two[0] <= one[0] or two[1] > one[1] for one, two in pairwise(self.knots)):
                raise ValueError("the knots' distances must rise and their probabilities fall")
        return self

    def probability(self, distances: DistancesLike | float, *, prior: float = PRIOR) -> Float64s:
        """How probable it is that pairs so far apart are of the same person: float64 in [0, 1].

        `distances` are of any shape, from 0. `prior` in (0, 1) is how many of the pairs that you
        compare are of the same person, before you look. Raises `InputError` for other values.
        """
        taken = take_array(distances, "distances")
        values = np.asarray(taken.cpu() if isinstance(taken, Tensor) else taken, dtype=np.float64)
        if not (values >= 0).all():
            raise InputError("distances must be numbers from 0")
        if not 0 < prior < 1:
            raise InputError(f"prior must be in (0, 1), not {prior}")
        if self.slope is not None and self.intercept is not None and self.kind == "platt":
            log_odds = self.intercept - self.slope * values
        else:
            places, levels = np.array(self.knots).T
            chances = np.clip(np.interp(values, places, levels), _SMALLEST, 1 - _SMALLEST)
            log_odds = np.log(chances) - np.log1p(-chances)
        shifted = log_odds + np.log(prior) - np.log1p(-prior)
        with np.errstate(over="ignore"):  # of the exponential, whose inverse is then 0
            probabilities: Float64s = 1 / (1 + np.exp(-shifted))
        return probabilities
