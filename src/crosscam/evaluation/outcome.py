"""What testing gave, as a report shows it."""

from dataclasses import dataclass

from crosscam.decisions.bootstrap import Intervals, confidence_intervals
from crosscam.decisions.decide import Decisions
from crosscam.evaluation.camera_pairs import CameraPair
from crosscam.evaluation.settings import PLAIN, EvaluationSettings
from crosscam.evaluation.switches import counted
from crosscam.types import AnyScores, Embeddings

BASELINE = "colour histogram"


@dataclass(frozen=True)
class Outcome:
    """The scores, and those of the baseline if asked for; the embeddings; by which settings.

    `not_reranked` are the scores of the distances alone where `scores` are re-ranked.
    `camera_pairs` are by the distances too, and empty where there is nothing to show; `decisions`
    are, too, and None where there is nothing to decide.
    """

    scores: AnyScores
    baseline: AnyScores | None
    embeddings: tuple[Embeddings, Embeddings]
    settings: EvaluationSettings = PLAIN
    not_reranked: AnyScores | None = None
    camera_pairs: tuple[CameraPair, ...] = ()
    decisions: Decisions | None = None

    @property
    def by_distance(self) -> AnyScores:
        """The scores of the distances between embeddings, whatever re-ranking made of them."""
        return self.scores if self.not_reranked is None else self.not_reranked

    def rows(self, name: str) -> dict[str, AnyScores]:
        """All scores by what to call them, those of the model `name` first."""
        words = self.settings.in_words()
        rows = {f"{name} ({words})" if words else name: self.scores}
        if self.not_reranked is not None:
            rows["the same, not re-ranked"] = self.not_reranked
        if self.baseline is not None:
            rows[BASELINE] = self.baseline
        return rows

    def intervals(self, scores: AnyScores) -> Intervals | None:
        """The confidence intervals of some of the scores, None if one person was asked for."""
        return confidence_intervals(scores, self.embeddings[0].pids)

    def counted(self) -> tuple[Embeddings, Embeddings]:
        """The embeddings, without cameras where the protocol leaves out no image for its camera."""
        return counted(*self.embeddings, self.settings)
