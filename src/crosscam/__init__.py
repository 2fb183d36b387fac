"""crosscam recognises a person again across cameras."""

from importlib.metadata import version as _version

from crosscam.data.registry import list_datasets, load_dataset
from crosscam.decisions.bootstrap import confidence_intervals
from crosscam.decisions.calibration import Calibration
from crosscam.decisions.comparison import compare
from crosscam.decisions.decide import decide
from crosscam.decisions.open_set import open_set
from crosscam.decisions.pairs import pair_histogram
from crosscam.decisions.verification import verification
from crosscam.embedding.embedder import Embedder
from crosscam.embedding.load import load_embedder
from crosscam.errors import CrosscamError, CrosscamWarning
from crosscam.evaluation.calibrate import calibrate
from crosscam.evaluation.evaluate import embed_test, evaluate
from crosscam.evaluation.record import read_record
from crosscam.evaluation.settings import EvaluationSettings
from crosscam.models.base import count_parameters
from crosscam.models.registry import list_models
from crosscam.ranking.rank import rank
from crosscam.ranking.rank_distances import rank_distances
from crosscam.ranking.reranking import rerank, rerank_blocks
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
from crosscam.weights.create import create_model
from crosscam.weights.fitting import load_weights
from crosscam.weights.load import load_model
from crosscam.weights.published import list_weights

__version__ = _version("crosscam")

__all__ = [
    "Batch",
    "Calibration",
    "CrosscamError",
    "CrosscamWarning",
    "Embedder",
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
    "load_embedder",
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
