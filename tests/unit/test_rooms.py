"""The house: lower rooms never import higher ones, and the public names are what they are."""

import ast
from pathlib import Path

import pytest

import crosscam

PACKAGE = Path(crosscam.__file__).parent
# Rooms of one floor may import only what stands to the left of them.
FLOORS = [
    ["errors", "types", "files", "devices", "recipe"],
    ["data", "models", "losses", "ranking"],
    ["decisions", "weights"],
    ["embedding"],
    ["evaluation", "training"],
    ["checking", "report"],
    ["experiment"],
    ["zoo"],
    ["grid"],
    ["cli"],
]
ORDER = [room for floor in FLOORS for room in floor]


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("crosscam."):
            yield node.module.split(".")[1]
        elif isinstance(node, ast.ImportFrom) and node.module == "crosscam":
            yield from (alias.name for alias in node.names)


MODULES = [path for path in sorted(PACKAGE.rglob("*.py")) if not room_of(path).startswith("__")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_room_imports_a_higher_one(path):
    own = room_of(path)
    assert own in ORDER, f"a new room: say in {__file__} where it stands"
    for room in imports(path):
        assert ORDER.index(room) <= ORDER.index(own), f"{path} imports crosscam.{room}"


def test_the_public_names():
    assert crosscam.__all__ == [
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
    assert all(hasattr(crosscam, name) for name in crosscam.__all__)
