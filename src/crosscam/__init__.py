"""crosscam recognises a person again across cameras."""

from importlib.metadata import version as _version

from crosscam.calibration import calibrate
from crosscam.data.registry import list_datasets, load_dataset
from crosscam.errors import CrosscamError, CrosscamWarning
from crosscam.evaluation.bootstrap import confidence_intervals
from crosscam.evaluation.comparison import compare
from crosscam.evaluation.decisions import decide
from crosscam.evaluation.evaluate import embed_test, evaluate
from crosscam.evaluation.open_set import open_set
from crosscam.evaluation.pairs import pair_histogram
from crosscam.evaluation.ranking import rank
from crosscam.evaluation.ranking_distances import rank_distances
from crosscam.evaluation.record import read_record
from crosscam.evaluation.reranking import rerank, rerank_blocks
from crosscam.evaluation.settings import EvaluationSettings
from crosscam.evaluation.verification import verification
from crosscam.models.base import count_parameters
from crosscam.models.calibration import Calibration
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
    "Calibration",
    "CrosscamError",
    "CrosscamWarning",
    "Embeddings",
    "EvaluationSettings",
    "ExpectedScores",
    "ModelOutput",
    "ReIDDataset",
    "Sample",
    "Scores",
    "__version__",
    "calibrate",
    "compare",
    "confidence_intervals",
    "count_parameters",
    "create_model",
    "decide",
    "embed_test",
    "evaluate",
    "list_datasets",
    "list_models",
    "list_recipes",
    "list_weights",
    "load_dataset",
    "load_model",
    "load_recipe",
    "load_weights",
    "open_set",
    "pair_histogram",
    "rank",
    "rank_distances",
    "read_record",
    "rerank",
    "rerank_blocks",
    "verification",
]
