"""What another precision costs: the scores of a data set with it and without."""

from dataclasses import dataclass, replace

from crosscam.data.progress import OnImages, unwatched
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.network import Network
from crosscam.evaluation.evaluate import embed_test, score_embeddings
from crosscam.settings.evaluation import PLAIN
from crosscam.types import AnyScores, ReIDDataset


@dataclass(frozen=True)
class Cost:
    """Scores on a data set, by its own protocol: of the model, and of what was exported."""

    data: str
    before: AnyScores
    after: AnyScores

    def figures(self) -> dict[str, float | str]:
        """What a card says of it."""
        return {
            "data": self.data,
            "mAP_before": self.before.mAP,
            "mAP_after": self.after.mAP,
            "rank1_before": self.before.at_rank(1),
            "rank1_after": self.after.at_rank(1),
        }

    def in_words(self) -> str:
        """A line."""
        mean = f"{100 * self.before.mAP:.1f} % before, {100 * self.after.mAP:.1f} % after"
        first = [f"{100 * scores.at_rank(1):.1f} %" for scores in (self.before, self.after)]
        return f"on {self.data}: mAP {mean}; rank-1 {first[0]} before, {first[1]} after"


def measure_cost(
    embedder: Embedder, exported: Network, dataset: ReIDDataset, *, on_images: OnImages = unwatched
) -> Cost:
    """Test a model and what it was exported to on a data set, by the data set's own protocol."""
    settings = PLAIN.resolve(dataset)
    found: list[AnyScores] = []
    for what, one in (("the model", embedder), ("the export", replace(embedder, network=exported))):
        total = len(dataset.query) + len(dataset.gallery)
        on_batch = on_images(f"testing {what} on {dataset.name}", total)
        query, gallery = embed_test(one, dataset, settings=settings, on_batch=on_batch)
        found.append(score_embeddings(query, gallery, metric=one.metric, settings=settings))
    return Cost(dataset.name, *found)
