"""crosscam recognises a person again across cameras.

The public names are imported when they are used, so that `import crosscam` is quick. A new one
stands in three places below, which `tests/unit/test_rooms.py` keeps equal.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crosscam.data.registry import list_datasets, load_dataset
    from crosscam.decisions.bootstrap import confidence_intervals
    from crosscam.decisions.calibration import Calibration
    from crosscam.decisions.decide import decide
    from crosscam.decisions.open_set import open_set
    from crosscam.decisions.pairs import pair_histogram
    from crosscam.decisions.verification import verification
    from crosscam.embedding.embedder import Embedder
    from crosscam.embedding.feature_reading import read_features
    from crosscam.embedding.load import load_embedder
    from crosscam.errors import CrosscamError, CrosscamWarning
    from crosscam.evaluation.calibrate import calibrate
    from crosscam.evaluation.compare import compare
    from crosscam.evaluation.evaluate import embed_test, evaluate
    from crosscam.evaluation.record import read_record
    from crosscam.experiment.train import train
    from crosscam.export.export import export_model
    from crosscam.features.embed_files import EmbeddedFiles, HowToEmbed, embed_files
    from crosscam.features.work import Listeners, ModelSource
    from crosscam.models.base import count_parameters
    from crosscam.models.registry import list_models
    from crosscam.ranking.rank import rank
    from crosscam.ranking.rank_distances import rank_distances
    from crosscam.ranking.reranking import rerank, rerank_blocks
    from crosscam.recipe import list_recipes, load_recipe
    from crosscam.settings.evaluation import EvaluationSettings
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

    __version__: str

__all__ = [
    "Batch",
    "Calibration",
    "CrosscamError",
    "CrosscamWarning",
    "EmbeddedFiles",
    "Embedder",
    "Embeddings",
    "EvaluationSettings",
    "ExpectedScores",
    "HowToEmbed",
    "Listeners",
    "ModelOutput",
    "ModelSource",
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
    "embed_files",
    "embed_test",
    "evaluate",
    "export_model",
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
    "read_features",
    "read_record",
    "rerank",
    "rerank_blocks",
    "train",
    "verification",
]

_BY_MODULE = {
    "crosscam.data.registry": ("list_datasets", "load_dataset"),
    "crosscam.decisions.bootstrap": ("confidence_intervals",),
    "crosscam.decisions.calibration": ("Calibration",),
    "crosscam.decisions.decide": ("decide",),
    "crosscam.decisions.open_set": ("open_set",),
    "crosscam.decisions.pairs": ("pair_histogram",),
    "crosscam.decisions.verification": ("verification",),
    "crosscam.embedding.embedder": ("Embedder",),
    "crosscam.embedding.feature_reading": ("read_features",),
    "crosscam.embedding.load": ("load_embedder",),
    "crosscam.errors": ("CrosscamError", "CrosscamWarning"),
    "crosscam.evaluation.calibrate": ("calibrate",),
    "crosscam.evaluation.compare": ("compare",),
    "crosscam.evaluation.evaluate": ("embed_test", "evaluate"),
    "crosscam.evaluation.record": ("read_record",),
    "crosscam.settings.evaluation": ("EvaluationSettings",),
    "crosscam.experiment.train": ("train",),
    "crosscam.features.embed_files": ("EmbeddedFiles", "HowToEmbed", "embed_files"),
    "crosscam.features.work": ("Listeners", "ModelSource"),
    "crosscam.export.export": ("export_model",),
    "crosscam.models.base": ("count_parameters",),
    "crosscam.models.registry": ("list_models",),
    "crosscam.ranking.rank": ("rank",),
    "crosscam.ranking.rank_distances": ("rank_distances",),
    "crosscam.ranking.reranking": ("rerank", "rerank_blocks"),
    "crosscam.recipe": ("list_recipes", "load_recipe"),
    "crosscam.types": (
        "Batch",
        "Embeddings",
        "ExpectedScores",
        "ModelOutput",
        "ReIDDataset",
        "Sample",
        "Scores",
    ),
    "crosscam.weights.create": ("create_model",),
    "crosscam.weights.fitting": ("load_weights",),
    "crosscam.weights.load": ("load_model",),
    "crosscam.weights.published": ("list_weights",),
}
_MODULES = {name: module for module, names in _BY_MODULE.items() for name in names}

if not TYPE_CHECKING:  # which would take any name for known

    def __getattr__(name: str) -> Any:
        """A public name, from the module that it is defined in."""
        if name == "__version__":
            return import_module("importlib.metadata").version(__name__)
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_MODULES[name]), name)

    def __dir__() -> list[str]:
        """The public names, and the package's own."""
        return sorted({*globals(), *__all__})
