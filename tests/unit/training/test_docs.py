"""What docs/training.md gives as settings are settings."""

import tomllib
from pathlib import Path

import pytest

from crosscam.recipe import load_recipe, recipe_of

PAGE = Path(__file__).parents[3] / "docs" / "training.md"


def tables():
    """The indented blocks that are TOML, by the name of their table."""
    blocks = PAGE.read_text(encoding="utf-8").split("\n\n")
    found = [tomllib.loads(block) for block in blocks if block.startswith("    [")]
    return {name: table for block in found for name, table in block.items()}


@pytest.mark.parametrize("name", ["optimizer", "schedule", "ema"])
def test_its_tables_are_those_of_a_recipe(name):
    settings = load_recipe("resnet50-xent").model_dump(exclude_none=True)
    recipe = recipe_of(settings | {name: tables()[name]}, source="docs/training.md")
    assert getattr(recipe, name).model_dump(exclude_unset=True) == tables()[name]


def test_it_names_every_setting():
    text = PAGE.read_text(encoding="utf-8")
    recipe = load_recipe("resnet50-xent")
    for table in (recipe.optimizer, recipe.schedule):
        missing = [key for key in type(table).model_fields if f"`{key}`" not in text]
        assert [key for key in missing if f"    {key} = " not in text] == []
