"""The house: lower rooms never import higher ones, and the public names are what they are."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import crosscam

PACKAGE = Path(crosscam.__file__).parent
# Rooms of one floor may import only what stands to the left of them.
FLOORS = [
    [
        "errors",
        "screen",
        "choices",
        "arrays",
        "types",
        "files",
        "devices",
        "extras",
        "pipes",
        "processes",
        "settings",
        "recipe",
    ],
    ["data", "models", "losses", "ranking"],
    ["decisions", "weights"],
    ["embedding"],
    ["features", "evaluation", "training", "export"],
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


def test_the_map_of_the_house_names_what_is_there():
    """Every file that `docs/architecture.md` names is one; every room is in its table, in order."""
    top = PACKAGE.parents[1]
    page = (top / "docs" / "architecture.md").read_text(encoding="utf-8")
    files = {f"/{file.relative_to(top)}" for file in top.glob("[st]*/**/*.*")}
    for name in set(re.findall(r"`([\w./]+\.(?:py|js|jinja))`", page)):
        assert any(file.endswith(f"/{name}") for file in files), name
    table = page.partition("| floor |")[2].partition("\n\n")[0]
    rooms = re.findall(r"`(\w+)(?:/|\.py)`", table)
    floors = {room: number for number, floor in enumerate(FLOORS) for room in floor}
    assert sorted(rooms) == sorted(ORDER)
    assert [floors[room] for room in rooms] == sorted(floors[room] for room in rooms)


def test_the_public_names():
    assert crosscam.__all__ == [
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
    assert all(hasattr(crosscam, name) for name in crosscam.__all__)
    assert set(crosscam.__all__) <= set(dir(crosscam))


def test_public_names_are_imported_when_used_from_where_type_checkers_see_them():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    [block] = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and node.orelse == [] and isinstance(node.test, ast.Name)
    )
    seen = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == crosscam._MODULES
    assert sorted([*seen, "__version__"]) == crosscam.__all__
    with pytest.raises(AttributeError, match="has no attribute 'ranks'"):
        _ = crosscam.ranks


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, crosscam; print(*{name.split('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "PIL", "pydantic", "matplotlib"} & set(run.stdout.split())
