"""The values that are handed from room to room, each frozen and checked where it is made.

    Sample -> Batch -> Embeddings -> Ranking -> Scores -> report

A `Sample` is a picture on disk with its labels, a `Batch` pictures ready for a model, `Embeddings`
what the model made of them, a `Ranking` how the gallery ranks for each query, `Scores` how well.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crosscam import choices
from crosscam.arrays import is_floating, take_array, take_integers
from crosscam.errors import DataError, InputError

Metric = choices.Metric
Protocol = choices.Protocol
Clothes = choices.Clothes
Pooling = choices.Pooling
Float64s = NDArray[np.float64]
Int64s = NDArray[np.int64]
_IDS = 2**63


class Sample(NamedTuple):
    """One picture of one person.

    `pid` and `camid` are the numbers of the person and of the camera as the data set's files give
    them; `camid` is None where the camera is not known. `clothes` numbers what the person wears,
    among the clothes of that person, and is None where that is not known.
    """

    path: Path
    pid: int
    camid: int | None
    clothes: int | None = None


@dataclass(frozen=True)
class DataSource:
    """Where a data set was read from, so that a run can read it again.

    `name` is what `load_dataset` knows it by, with `:variant` where one was asked for; the rest is
    what was given besides. Paths are absolute.
    """

    name: str
    root: Path | None = None
    pattern: str | None = None
    table: Path | None = None
    exclude: Path | None = None


@dataclass(frozen=True)
class ReIDDataset:
    """A data set split for training and testing; junk (pid -1) is already gone.

    `name` is the set's, with `:variant` where it has one. `left_out` counts what a reader dropped,
    by reason; `notes` are what a user should know of these files, such as counts that are not the
    published ones. `terms` is what its authors ask of those who use it. `train` may be empty for a
    set that only tests, and `query` and `gallery` for a set that only trains. Raises `DataError` if
    camera ids are known for some samples but not for all, if an id is no 64-bit integer, or if
    there are queries without a gallery or a gallery without queries.

    `protocol` is by which rule its figures are published: "cross-camera", in which a gallery image
    of the query's person and camera is left out; "no-cameras", in which none is; "single-shot", in
    which besides only one image a person is drawn; "clothes-changing" or "same-clothes", in which
    besides images of the query's person in the same or in other clothes are left out.
    `multi_query` are all images of the queries' people in the queries' cameras, where they were
    asked for. `source` is where it was read from, None for one that was made otherwise.
    `first_pids` are the lowest pids of each of several sets that were joined, ascending; empty for
    a single one.
    """

    name: str
    train: tuple[Sample, ...]
    query: tuple[Sample, ...]
    gallery: tuple[Sample, ...]
    terms: str = ""
    left_out: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()
    protocol: Protocol = "cross-camera"
    multi_query: tuple[Sample, ...] = ()
    source: DataSource | None = field(default=None, compare=False)
    first_pids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if bool(self.query) != bool(self.gallery):
            empty = "gallery" if self.query else "query"
            raise DataError(
                f"data set {self.name!r}: the {empty} is empty, so nothing can be ranked"
            )
        samples = (*self.train, *self.query, *self.gallery)
        for sample in samples:
            if not all(-_IDS <= number < _IDS for number in (sample.pid, sample.camid or 0)):
                raise DataError(
                    f"data set {self.name!r}: the ids of {str(sample.path)!r} are no 64-bit "
                    "integers; number people and cameras anew"
                )
        known = {sample.camid is not None for sample in samples}
        if len(known) == 2:
            raise DataError(
                f"data set {self.name!r}: some samples have a camera id and some do not; "
                "give one to all of them, or to none"
            )

    @property
    def num_train_pids(self) -> int:
        """How many people there are to train on."""
        return len({sample.pid for sample in self.train})

    @property
    def has_cameras(self) -> bool:
        """Whether it is known which camera took each picture."""
        return all(sample.camid is not None for sample in (*self.train, *self.query))

    @property
    def has_clothes(self) -> bool:
        """Whether it is known which clothes the people of the test wear in each picture."""
        return all(sample.clothes is not None for sample in (*self.query, *self.gallery))


class Batch(NamedTuple):
    """Pictures ready for a model.

    `images` is (N, 3, H, W) float32, normalised; `indices` is (N,) int64, where each picture stands
    in the sequence of samples that the batch was drawn from; `camids` is (N,) int64, the cameras
    that took them, None where these are not known.
    """

    images: Tensor
    indices: Tensor
    camids: Tensor | None = None


class ModelOutput(NamedTuple):
    """What a model gives in training mode.

    `features` is (N, D) float; `logits` holds one (N, num_classes) float tensor a classifier: most
    models have one, HACNN has two. Of a classifier that normalises they are cosines, of which the
    loss makes logits.

    `compared` are the features that losses compare images by, (N, D') each, where these are not
    `features`: one for each branch. `shares` is how much each of the logits counts, and each of
    `compared`, of which there are as many; they sum to 1. Where it is empty all count alike.
    """

    features: Tensor
    logits: tuple[Tensor, ...]
    compared: tuple[Tensor, ...] = ()
    shares: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Features with their labels: `features` (N, D) float32 on the CPU, `pids` and `camids` (N,).

    They are made of NumPy arrays, torch tensors on any device, or sequences, and copied only where
    they are not yet such arrays (another type, a tensor of a GPU, rows that run backwards). Two
    are equal only if they are the same one.

    `camids` is None where cameras are not known, and `clothes`, (N,) too, where clothes are not; it
    numbers those of each person. `made_by` names the weights and the preprocessing
    that made the features, as `Embedder.made_by` does, and is None where that is not known. Raises
    `InputError` if lengths differ, if a feature is not finite, and for what is no dense array.
    """

    features: NDArray[np.float32]
    pids: Int64s
    camids: Int64s | None
    made_by: str | None = None
    clothes: Int64s | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", _take_features(self.features))
        count = len(self.features)
        object.__setattr__(self, "pids", take_integers(self.pids, count, "pids"))
        if self.camids is not None:
            object.__setattr__(self, "camids", take_integers(self.camids, count, "camids"))
        if self.clothes is not None:
            object.__setattr__(self, "clothes", take_integers(self.clothes, count, "clothes"))
        broken = np.flatnonzero(~np.isfinite(self.features).all(axis=1))
        if len(broken):
            raise InputError(
                f"the model gave features that are not finite for {len(broken)} of {count} images "
                f"(the first is number {broken[0]}): its weights are broken, or training diverged"
            )


@dataclass(frozen=True, eq=False)
class QueryPairs:
    """Pairs of a query and a gallery image, query after query, those of a query nearest first.

    Those of query i stand at `offsets[i]` to `offsets[i + 1]`, (Q + 1,). `images` are (P,) int64
    positions in the gallery, `distances` (P,) float64 as in a `Ranking`.
    """

    offsets: Int64s
    images: Int64s
    distances: Float64s

    @property
    def queries(self) -> Int64s:
        """The query of each pair: (P,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    @property
    def nearest(self) -> Float64s:
        """The distance of each query's nearest: (Q,) float64, infinite where there is none."""
        nearest = np.full(len(self.offsets) - 1, np.inf)
        some = np.diff(self.offsets) > 0
        nearest[some] = self.distances[self.offsets[:-1][some]]
        return nearest


class FirstRanked(NamedTuple):
    """The beginning of each query's ranking: a place, from 0, is a rank, from 1, less 1.

    `images` (Q, K) are positions in the gallery, -1 behind the end of a short one; `is_match` and
    `distances` (Q, K) say of each whether it shows the query's person, and how far away it is,
    infinite where there is none.
    """

    images: Int64s
    is_match: NDArray[np.bool_]
    distances: Float64s


@dataclass(frozen=True, eq=False)
class Ranking:
    """How a gallery ranks for each query, by the rules of `crosscam.rank`: exact, and found once.

    `matches` are the true matches that count, with their `ranks`, (P,) int64 from 1;
    `camera_ranks` are those among the gallery images of the match's camera alone, None where
    cameras are not known. `own` are all gallery images of the queries' people, those that do not
    count too. `wrong` (Q, K) int64 are the nearest gallery images of other people, nearest first,
    of equal ones the first first, -1 where there are no more, at `wrong_distances` (Q, K) float64,
    there infinite.

    Distances are what ranks are decided by, squared Euclidean or 1 - cosine, as those of
    `ranking.distances.pair_distances`.
    """

    metric: Metric
    matches: QueryPairs
    ranks: Int64s
    camera_ranks: Int64s | None
    own: QueryPairs
    wrong: Int64s
    wrong_distances: Float64s

    def first(self) -> FirstRanked:
        """The first K of each query: true matches at their ranks, the others between them."""
        early = self.ranks <= self.wrong.shape[1]
        places = self.matches.queries[early], self.ranks[early] - 1
        is_match = np.zeros(self.wrong.shape, dtype=bool)
        is_match[places] = True
        before = np.maximum(np.cumsum(~is_match, axis=1) - 1, 0)
        images = np.take_along_axis(self.wrong, before, axis=1)
        distances = np.take_along_axis(self.wrong_distances, before, axis=1)
        images[places] = self.matches.images[early]
        distances[places] = self.matches.distances[early]
        return FirstRanked(images, is_match, distances)


@dataclass(frozen=True, eq=False)
class Scores:
    """How well queries find their people in a gallery. All figures are fractions in [0, 1].

    `cmc` is (max_rank,) float64: `cmc[k - 1]` is the share of valid queries with a true match among
    the first k. `mAP` and `mINP` are means over the valid queries. A query is valid if the gallery
    holds a true match for it that its camera does not rule out.

    The last three are per query, (num_queries,): average precision and inverse negative penalty,
    NaN for a query that is not valid, and the rank of the first true match, from 1, else 0.
    """

    cmc: Float64s
    mAP: float  # noqa: N815 - the field's own spelling
    mINP: float  # noqa: N815
    num_valid_queries: int
    average_precisions: Float64s
    inverse_penalties: Float64s
    first_match_ranks: Int64s

    @property
    def num_queries(self) -> int:
        """All queries, valid or not."""
        return len(self.average_precisions)

    def at_rank(self, rank: int) -> float:
        """The share of valid queries with a true match among the first `rank`, from 1."""
        return float(np.nansum(self.found_by(rank)) / self.num_valid_queries)

    def found_by(self, rank: int) -> Float64s:
        """(num_queries,): 1 if a true match is among the first `rank`, else 0; NaN if not valid."""
        if rank < 1:
            raise InputError(f"ranks start at 1, not {rank}")
        found = (self.first_match_ranks <= rank).astype(np.float64)
        return np.where(self.first_match_ranks >= 1, found, np.nan)

    def to_json(self) -> dict[str, float | int | list[float]]:
        """The figures under the names that every `--json` file uses."""
        return _figures(self)


@dataclass(frozen=True, eq=False)
class ExpectedScores:
    """Scores that are expectations over random galleries of one image a person, in [0, 1].

    A query has one true match in each such gallery, so its average precision and its inverse
    negative penalty are both 1 / rank: `average_precisions`, (num_queries,), has the expectation,
    NaN for a query that is not valid, and `mAP` is the mean over the valid ones.

    `rank_chances` is (num_queries, K) float64: `rank_chances[q, k - 1]` is how probable rank k is
    for the true match of query q; each row sums to 1, or is NaN for a query that is not valid.
    `cmc` is (max_rank,) of the sums of their means.
    """

    cmc: Float64s
    mAP: float  # noqa: N815
    num_valid_queries: int
    average_precisions: Float64s
    rank_chances: Float64s

    @property
    def mINP(self) -> float:  # noqa: N802 - the field's own spelling
        """The same as `mAP`, because there is one true match."""
        return self.mAP

    @property
    def inverse_penalties(self) -> Float64s:
        """The same as `average_precisions`, for the same reason."""
        return self.average_precisions

    @property
    def num_queries(self) -> int:
        """All queries, valid or not."""
        return len(self.average_precisions)

    def at_rank(self, rank: int) -> float:
        """How probable it is that the true match is among the first `rank`, from 1."""
        return float(np.nansum(self.found_by(rank)) / self.num_valid_queries)

    def found_by(self, rank: int) -> Float64s:
        """(num_queries,): how probable that is for each query; NaN if it is not valid."""
        if rank < 1:
            raise InputError(f"ranks start at 1, not {rank}")
        found: Float64s = np.minimum(1.0, self.rank_chances[:, :rank].sum(axis=1))
        return found

    def to_json(self) -> dict[str, float | int | list[float]]:
        """The figures under the names that every `--json` file uses."""
        return _figures(self)


AnyScores = Scores | ExpectedScores


def _take_features(values: object) -> NDArray[np.float32]:
    taken = take_array(values, "features")
    if taken.ndim != 2 or not is_floating(taken):
        raise InputError(
            f"features must be (N, D) floating numbers, not {tuple(taken.shape)} {taken.dtype}"
        )
    if isinstance(taken, Tensor):
        taken = taken.float().cpu().numpy()
    with np.errstate(over="ignore"):  # what is infinite as float32 is refused
        return np.ascontiguousarray(taken, dtype=np.float32)


def _figures(scores: AnyScores) -> dict[str, float | int | list[float]]:
    return {
        "rank1": scores.at_rank(1),
        "rank5": scores.at_rank(5),
        "rank10": scores.at_rank(10),
        "mAP": scores.mAP,
        "mINP": scores.mINP,
        "num_valid_queries": scores.num_valid_queries,
        "num_queries": scores.num_queries,
        "cmc": scores.cmc.tolist(),
    }
