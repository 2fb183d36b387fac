"""What testing gave, as a report shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Self

from crosscam.decisions.bootstrap import Intervals
from crosscam.decisions.decide import Decisions
from crosscam.evaluation.camera_pairs import CameraPair
from crosscam.settings.evaluation import PLAIN, EvaluationSettings
from crosscam.types import AnyScores, Embeddings, Ranking

BASELINE = "colour histogram"
Kind = Literal["scores", "not_reranked", "unaveraged", "baseline"]


@dataclass(frozen=True)
class Outcome:
    """The scores, and those of the baseline if asked for; the embeddings; by which settings.

    `ranking` is by the distances between embeddings and by the protocol; all figures below come
    from it. `intervals` are those of the kinds of scores, as far as there are such, None for
    queries of one person. `not_reranked` are the scores of the distances alone where `scores` are
    re-ranked. `camera_pairs` are by the distances too, and empty where there is nothing to show;
    `decisions` are, too, and None where there is nothing to decide. `unaveraged` are the scores of
    the weights whose average is the model, by the same settings, where those are kept, too.
    """

    scores: AnyScores
    baseline: AnyScores | None
    embeddings: tuple[Embeddings, Embeddings]
    ranking: Ranking
    intervals: Mapping[Kind, Intervals | None]
    settings: EvaluationSettings = PLAIN
    not_reranked: AnyScores | None = None
    camera_pairs: tuple[CameraPair, ...] = ()
    decisions: Decisions | None = None
    unaveraged: AnyScores | None = None

    def with_unaveraged(self, other: Self) -> Self:
        """This, with the scores of what the weights whose average is the model gave."""
        intervals = {**self.intervals, "unaveraged": other.intervals["scores"]}
        return replace(self, unaveraged=other.scores, intervals=intervals)

    @property
    def by_distance(self) -> AnyScores:
        """The scores of the distances between embeddings, whatever re-ranking made of them."""
        return self.scores if self.not_reranked is None else self.not_reranked

    def rows(self, name: str, *, on: str | None = None) -> dict[str, AnyScores]:
        """All scores by what to call them, those of the model `name` first.

        `on` is the data set's name, where the rows of several are in one table.
        """
        return {row: scores for row, _, scores in self._rows(name, on)}

    def row_intervals(self, name: str, *, on: str | None = None) -> dict[str, Intervals | None]:
        """The intervals of the same, under the same names."""
        return {row: self.intervals.get(kind) for row, kind, _ in self._rows(name, on)}

    def _rows(self, name: str, on: str | None) -> list[tuple[str, Kind, AnyScores]]:
        words = self.settings.in_words()
        name = name if on is None else f"{name} on {on}"
        rows: list[tuple[str, Kind, AnyScores]] = [
            (f"{name} ({words})" if words else name, "scores", self.scores)
        ]
        if self.not_reranked is not None:
            rows.append(("the same, not re-ranked", "not_reranked", self.not_reranked))
        if self.unaveraged is not None:
            rows.append(("the same, not averaged", "unaveraged", self.unaveraged))
        if self.baseline is not None:
            rows.append((BASELINE, "baseline", self.baseline))
        if on is None:
            return rows
        further = [(f"{row}, on {on}", kind, scores) for row, kind, scores in rows[1:]]
        return [rows[0], *further]


def rows_of(outcomes: Mapping[str, Outcome], model: str) -> dict[str, AnyScores]:
    """All scores of the tests of a model, by what to call them; `outcomes` are by data set.

    Where there are several tests, each row names its data set.
    """
    return {
        row: scores
        for name, outcome in outcomes.items()
        for row, scores in outcome.rows(model, on=name if len(outcomes) > 1 else None).items()
    }


def intervals_of(outcomes: Mapping[str, Outcome], model: str) -> dict[str, Intervals | None]:
    """The intervals of the same, under the same names."""
    return {
        row: found
        for name, outcome in outcomes.items()
        for row, found in outcome.row_intervals(
            model, on=name if len(outcomes) > 1 else None
        ).items()
    }
