"""The card of a model that an experiment trained: `model.json`."""

from collections.abc import Mapping
from typing import Any

from crosscam.data.registry import withdrawn
from crosscam.embedding.embedder import Embedder
from crosscam.evaluation.outcome import Outcome
from crosscam.experiment.plan import Plan
from crosscam.recipe import Recipe
from crosscam.training.loop import Trained
from crosscam.weights.saved import LONGEST_TEXT, DataSetCard, InputCard, ModelCard, TrainingCard

_LICENCE = "Yours to state; the terms of the data, and of a start that is not random, bind you."


def describe_model(
    plan: Plan, trained: Trained, embedder: Embedder, outcomes: Mapping[str, Outcome]
) -> ModelCard:
    """All that is known about a model whose weights are saved; before its tests without scores.

    `outcomes` are by data set.
    """
    environment = plan.run.read_environment()
    cameras = trained.model.cameras
    return ModelCard(
        crosscam=environment["crosscam"],
        architecture=plan.recipe.model,
        head=plan.recipe.head,
        num_classes=trained.model.num_classes,
        num_cameras=None if cameras is None else len(cameras.known),
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
            terms=_terms(plan.dataset.terms),
            initial_weights=environment.get("initial_weights"),
        ),
        licence=_licence(plan.recipe),
        recipe=plan.recipe.model_dump(exclude_none=True, mode="json"),
        scores={
            row: scores
            for name, outcome in outcomes.items()
            for row, scores in _all_scores(name, outcome).items()
        },
        weights_sha256=str(embedder.weights_sha256),
        calibration=embedder.calibration,
        test_pending=not outcomes and bool(plan.data.tests),
        data_sets=_data_sets(plan),
    )


def _licence(recipe: Recipe) -> str:
    """What is said of the model's licence, with that of the weights that it started from."""
    start = None if recipe.weights == "none" else recipe.weights_licence
    stated = "" if start is None else f" The licence of its start, as stated: {start}"
    return f"{_LICENCE}{stated}"


def _terms(terms: str) -> str:
    """The terms of the data, as far as a card can hold those of many sets."""
    return terms if len(terms) <= LONGEST_TEXT else "Those of each data set; see data_sets."


def _data_sets(plan: Plan) -> tuple[DataSetCard, ...]:
    """Each of several data sets; nothing of a single one, of which `trained_on` says all."""
    data = plan.data
    shifts = [shift.camids for shift in data.shifts] + [None] * len(data.only_tested)
    known = zip(data.all, plan.environment["data_sets"], shifts, strict=False)
    return tuple(
        DataSetCard(
            data=dataset.name,
            trained_on=found["trained_on"],
            identities=dataset.num_train_pids,
            images=len(dataset.train),
            query=len(dataset.query),
            gallery=len(dataset.gallery),
            fingerprint=found["data_fingerprint"],
            train_fingerprint=found["train_fingerprint"],
            camid_shift=shift,
            terms=dataset.terms,
            withdrawn=withdrawn(dataset.name),
        )
        for dataset, found, shift in known  # nothing is found of a single one
    )


def _all_scores(name: str, outcome: Outcome) -> dict[str, Any]:
    intervals = outcome.intervals["scores"]
    own: dict[str, Any] = {
        **outcome.scores.to_json(),
        "intervals": intervals.to_json() if intervals else None,
        "settings": outcome.settings.to_json(),
    }
    scores: dict[str, Any] = {name: own}
    if outcome.unaveraged is not None:
        scores[f"{name} not averaged"] = outcome.unaveraged.to_json()
    if outcome.baseline is not None:
        scores[f"{name} colour histogram"] = outcome.baseline.to_json()
    return scores
