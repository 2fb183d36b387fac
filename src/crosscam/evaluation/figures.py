"""All that is asked of a test once its features are there, of one ranking."""

from dataclasses import dataclass

from crosscam.decisions.bootstrap import Intervals, confidence_intervals
from crosscam.decisions.calibration import Calibration
from crosscam.decisions.decide import Decisions, decide
from crosscam.evaluation.camera_pairs import CameraPair, camera_pairs
from crosscam.evaluation.evaluate import score_embeddings
from crosscam.evaluation.switches import apply_protocol
from crosscam.ranking.ranked import rank_gallery
from crosscam.settings.evaluation import EvaluationSettings
from crosscam.types import AnyScores, Embeddings, Metric, Ranking


@dataclass(frozen=True)
class Figures:
    """Scores with their intervals; no pairs and decisions where they were not asked for."""

    scores: AnyScores
    intervals: Intervals | None
    pairs: tuple[CameraPair, ...] = ()
    decisions: Decisions | None = None


def find_figures(
    query: Embeddings,
    gallery: Embeddings,
    *,
    metric: Metric,
    settings: EvaluationSettings,
    calibration: Calibration | None = None,
    with_pairs: bool = False,
    with_decisions: bool = False,
) -> Figures:
    """The figures of embeddings that were pooled and expanded already, by resolved settings."""
    ranking: Ranking | None = None
    if with_pairs or with_decisions:
        ranking = rank_gallery(
            query,
            gallery,
            metric=metric,
            leaves_out_cameras=settings.leaves_out_cameras,
            clothes=settings.clothes,
        )
    scores = score_embeddings(query, gallery, metric=metric, settings=settings, ranking=ranking)
    pairs: tuple[CameraPair, ...] = ()
    if with_pairs and ranking is not None:
        pairs = camera_pairs(query, gallery, ranking)
    decisions: Decisions | None = None
    if with_decisions:
        decisions = decide(
            *apply_protocol(query, gallery, settings),
            metric=metric,
            calibration=calibration,
            clothes=settings.clothes,
            ranking=ranking,
        )
    return Figures(scores, confidence_intervals(scores, query.pids), pairs, decisions)
