"""The card of a model that an experiment trained: `model.json`."""

from typing import Any

from crosscam.embedding.embedder import Embedder
from crosscam.evaluation.outcome import Outcome
from crosscam.experiment.plan import Plan
from crosscam.training.loop import Trained
from crosscam.types import ReIDDataset
from crosscam.weights.saved import InputCard, ModelCard, TrainingCard

_LICENCE = "Yours to state; the terms of the data, and of a start that is not random, bind you."


def describe_model(
    plan: Plan, trained: Trained, embedder: Embedder, outcome: Outcome | None
) -> ModelCard:
    """All that is known about a model whose weights are saved; before its test without scores."""
    environment = plan.run.read_environment()
    return ModelCard(
        crosscam=environment["crosscam"],
        architecture=plan.recipe.model,
        head=plan.recipe.head,
        num_classes=trained.model.num_classes,
        feature_dim=embedder.feature_dim,
        input=InputCard.of(embedder.preprocess),
        metric=embedder.metric,
        memory_format=plan.recipe.compute.memory_format,
        trained_on=TrainingCard(
            data=plan.dataset.name,
            identities=trained.identities,
            images=trained.images,
            fingerprint=environment["data_fingerprint"],
            train_fingerprint=environment.get("train_fingerprint"),
            terms=plan.dataset.terms,
            initial_weights=environment.get("initial_weights"),
        ),
        licence=_LICENCE,
        recipe=plan.recipe.model_dump(exclude_none=True, mode="json"),
        scores=_all_scores(plan.dataset, outcome),
        weights_sha256=str(embedder.weights_sha256),
        calibration=embedder.calibration,
        test_pending=outcome is None and bool(plan.dataset.query),
    )


def _all_scores(dataset: ReIDDataset, outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        return {}
    intervals = outcome.intervals["scores"]
    own: dict[str, Any] = {
        **outcome.scores.to_json(),
        "intervals": intervals.to_json() if intervals else None,
        "settings": outcome.settings.to_json(),
    }
    scores: dict[str, Any] = {dataset.name: own}
    if outcome.unaveraged is not None:
        scores[f"{dataset.name} not averaged"] = outcome.unaveraged.to_json()
    if outcome.baseline is not None:
        scores[f"{dataset.name} colour histogram"] = outcome.baseline.to_json()
    return scores
