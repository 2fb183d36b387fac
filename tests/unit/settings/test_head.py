"""The `[head]` of a recipe: which it can be, and a recipe without one as it was."""

import pytest

from crosscam.errors import RecipeError
from crosscam.grid.cells import recipe_hash
from crosscam.recipe import list_recipes, load_recipe, parse_recipe
from crosscam.settings.head import Head


def test_a_recipe_can_name_a_head():
    recipe = load_recipe("resnet50-xent", ["head.name=bnneck"])
    assert recipe.head == Head(name="bnneck")
    assert '[head]\nname = "bnneck"\n' in recipe.to_toml()
    assert parse_recipe(recipe.to_toml(), source="again") == recipe
    assert recipe_hash(recipe) != recipe_hash(load_recipe("resnet50-xent"))


@pytest.mark.parametrize("name", list_recipes())
def test_those_that_come_with_crosscam_have_their_own_ends(name):
    recipe = load_recipe(name)
    assert recipe.head is None
    assert "head" not in recipe.to_toml()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("head.name=gem", "head.name: Input should be 'bnneck', not 'gem'"),
        ("head.name=1", "head.name: Input should be 'bnneck', not 1"),
        ("head.nme=bnneck", "unknown key head.nme; did you mean name?"),
        ("head={}", "head.name is missing"),
        ("head=bnneck", "head: .*, not 'bnneck'"),
    ],
)
def test_other_heads_are_refused(override, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe("resnet50-xent", [override])
