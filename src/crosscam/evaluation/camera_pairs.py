"""Scores by pair of cameras: queries of one, looked for among the gallery images of another."""

from dataclasses import asdict, dataclass

import numpy as np

from crosscam.decisions.bootstrap import Interval, confidence_intervals
from crosscam.errors import DataError, InputError
from crosscam.ranking.scoring import Ranks, score_ranks
from crosscam.settings.evaluation import EvaluationSettings
from crosscam.types import Embeddings, Ranking, ReIDDataset


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
    query: Embeddings, gallery: Embeddings, ranking: Ranking
) -> tuple[CameraPair, ...]:
    """A row for each pair of cameras that has something to rank, by query camera, then gallery's.

    A query's gallery is all images of the gallery camera, of whomever. `ranking` is the embeddings'
    own; if it leaves out cameras, a pair of equal cameras has nothing to rank. Raises `InputError`
    if cameras are not known.
    """
    if query.camids is None or gallery.camids is None or ranking.camera_ranks is None:
        raise InputError("camera pairs need camera ids, which are not known here")
    queries, seen_by = ranking.matches.queries, gallery.camids[ranking.matches.images]
    asked_in = query.camids[queries]
    pairs = []
    for query_camid in np.unique(query.camids).tolist():
        asked = np.flatnonzero(query.camids == query_camid)
        for gallery_camid in np.unique(gallery.camids).tolist():
            chosen = (asked_in == query_camid) & (seen_by == gallery_camid)
            if not chosen.any():
                continue
            rows = np.searchsorted(asked, queries[chosen])
            counts = np.bincount(rows, minlength=len(asked))
            offsets = np.concatenate([[0], np.cumsum(counts)])
            scores = score_ranks([Ranks(offsets, ranking.camera_ranks[chosen])], max_rank=1)
            pair = (query_camid, gallery_camid, scores.num_queries, scores.num_valid_queries)
            drawn = confidence_intervals(scores, query.pids[asked])
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
