"""crosscam recognises a person again across cameras."""

from importlib.metadata import version as _version

from crosscam.data.registry import list_datasets, load_dataset
from crosscam.errors import CrosscamError
from crosscam.evaluation.evaluate import evaluate
from crosscam.evaluation.ranking import rank
from crosscam.evaluation.ranking_distances import rank_distances
from crosscam.evaluation.reranking import rerank, rerank_blocks
from crosscam.evaluation.settings import EvaluationSettings
from crosscam.models.base import count_parameters
from crosscam.models.registry import create_model, list_models
from crosscam.models.weights import load_weights
from crosscam.recipe import list_recipes, load_recipe
from crosscam.types import (
    Batch,
    Embeddings,
    ExpectedScores,
    ModelOutput,
    ReIDDataset,
    Sample,
    Scores,
)
from crosscam.zoo.load import load_model
from crosscam.zoo.weights import list_weights

__version__ = _version("crosscam")

__all__ = [
    "Batch",
    "CrosscamError",
    "Embeddings",
    "EvaluationSettings",
    "ExpectedScores",
    "ModelOutput",
    "ReIDDataset",
    "Sample",
    "Scores",
    "__version__",
    "count_parameters",
    "create_model",
    "evaluate",
    "list_datasets",
    "list_models",
    "list_recipes",
    "list_weights",
    "load_dataset",
    "load_model",
    "load_recipe",
    "load_weights",
    "rank",
    "rank_distances",
    "rerank",
    "rerank_blocks",
]
