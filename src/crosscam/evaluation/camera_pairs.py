"""Scores by pair of cameras: queries of one, looked for among the gallery images of another."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from crosscam.decisions.bootstrap import Interval, confidence_intervals
from crosscam.errors import DataError, InputError
from crosscam.evaluation.settings import EvaluationSettings
from crosscam.ranking.matches import JUNK
from crosscam.ranking.rank import rank
from crosscam.types import Embeddings, Metric, ReIDDataset


@dataclass(frozen=True)
class CameraPair:
    """How well queries of `query_camid` find their people among images of `gallery_camid`.

    `rank1` and `mAP` are fractions, means over the valid queries: those whose person that gallery
    camera saw. Their 95 % intervals are over people, None where these are of one.
    """

    query_camid: int
    gallery_camid: int
    num_queries: int
    num_valid_queries: int
    rank1: float
    mAP: float  # noqa: N815 - the field's own spelling
    rank1_interval: Interval | None = None
    mAP_interval: Interval | None = None  # noqa: N815

    def to_json(self) -> dict[str, int | float | list[float] | None]:
        """Every value under its name."""
        intervals = {
            "rank1_interval": self.rank1_interval and self.rank1_interval.to_json(),
            "mAP_interval": self.mAP_interval and self.mAP_interval.to_json(),
        }
        return {**asdict(self), **intervals}


def camera_pairs(
    query: Embeddings, gallery: Embeddings, *, metric: Metric, leaves_out_cameras: bool = True
) -> tuple[CameraPair, ...]:
    """A row for each pair of cameras that has something to rank, by query camera, then gallery's.

    A query's gallery is all images of the gallery camera, of whomever. If `leaves_out_cameras`, a
    pair of equal cameras has nothing to rank. Raises `InputError` if cameras are not known.
    """
    if query.camids is None or gallery.camids is None:
        raise InputError("camera pairs need camera ids, which are not known here")
    pairs = []
    for query_camid in np.unique(query.camids).tolist():
        asked = _taken(query, query.camids == query_camid)
        for gallery_camid in np.unique(gallery.camids).tolist():
            if leaves_out_cameras and query_camid == gallery_camid:
                continue
            seen = _taken(gallery, gallery.camids == gallery_camid)
            if not np.isin(asked.pids, seen.pids[seen.pids != JUNK]).any():
                continue
            found = (asked.features, seen.features, asked.pids, seen.pids)
            scores = rank(*found, metric=metric, max_rank=1)
            pair = (query_camid, gallery_camid, scores.num_queries, scores.num_valid_queries)
            drawn = confidence_intervals(scores, asked.pids)
            intervals = (drawn.by_figure["rank1"], drawn.by_figure["mAP"]) if drawn else ()
            pairs.append(CameraPair(*pair, scores.at_rank(1), scores.mAP, *intervals))
    return tuple(pairs)


def refuse_camera_pairs(settings: EvaluationSettings, dataset: ReIDDataset) -> None:
    """Raise `CrosscamError` if a test by these (resolved) settings has no scores by camera pair."""
    if not dataset.has_cameras:
        raise DataError(f"data set {dataset.name!r} has no camera ids, so no pairs of cameras")
    if settings.rerank:
        raise InputError(
            "camera pairs are ranked one by one, and re-ranking by the whole gallery; leave one of "
            "the two out"
        )
    if settings.protocol == "single-shot":
        raise InputError(
            "the protocol single-shot draws its gallery from all cameras, so it has no scores by "
            "camera pair; leave them out"
        )


def _taken(embeddings: Embeddings, rows: NDArray[np.bool_]) -> Embeddings:
    return Embeddings(embeddings.features[rows], embeddings.pids[rows], None)
