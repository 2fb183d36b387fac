"""The `[head]` of a recipe: what it can be, what it fills in, a recipe without one as it was."""

import re
import tomllib
from pathlib import Path

import pytest

from crosscam.errors import RecipeError
from crosscam.grid.cells import recipe_hash
from crosscam.recipe import list_recipes, load_recipe, parse_recipe
from crosscam.settings.head import Head

RECIPE = "resnet50-xent"
PAGE = (Path(__file__).parents[3] / "docs" / "heads.md").read_text()
PLAIN = {
    "pool": "avg",
    "neck": "bn",
    "compared": "before",
    "tested": "after",
    "classifier": "linear",
}


def head_of(*overrides):
    return load_recipe(RECIPE, [f"head.{override}" for override in overrides]).head


def test_a_recipe_can_name_a_head():
    recipe = load_recipe(RECIPE, ["head.name=bnneck"])
    assert recipe.head == Head(name="bnneck")
    assert '[head]\nname = "bnneck"\n' in recipe.to_toml()
    assert parse_recipe(recipe.to_toml(), source="again") == recipe
    assert recipe_hash(recipe) != recipe_hash(load_recipe(RECIPE))


def test_the_short_name_is_what_a_head_is_when_nothing_is_said():
    short, plain = Head(name="bnneck"), load_recipe(RECIPE, ["head={}"]).head
    assert plain == Head()
    assert plain.model_dump() == PLAIN
    assert short.model_dump() == {"name": "bnneck"}
    assert {key: getattr(short, key) for key in PLAIN} == PLAIN


@pytest.mark.parametrize(
    ("overrides", "filled"),
    [
        (["pool=gem"], {"power": 3.0, "learn_power": True}),
        (["pool=gem", "power=4"], {"power": 4.0, "learn_power": True}),
        (["pool=gem", "learn_power=false"], {"power": 3.0, "learn_power": False}),
        (["classifier=cosine"], {"scale": 20.0}),
        (["classifier=circle"], {"scale": 64.0, "margin": 0.35}),
        (["classifier=arcface"], {"scale": 64.0, "margin": 0.5}),
        (["classifier=cosface", "scale=30"], {"scale": 30.0, "margin": 0.35}),
        (["classifier=cosface", "margin=0"], {"scale": 64.0, "margin": 0.0}),
        (["projection=512", "tested=before"], {"projection": 512}),
    ],
)
def test_what_is_not_said_is_filled_in_where_it_has_a_use(overrides, filled):
    recipe = load_recipe(RECIPE, [f"head.{override}" for override in overrides])
    said = recipe.head.model_dump()
    assert {key: said[key] for key in said if key not in PLAIN} == filled
    assert Head.model_validate_json(recipe.head.model_dump_json()) == recipe.head
    assert parse_recipe(recipe.to_toml(), source="again") == recipe


@pytest.mark.parametrize("name", list_recipes())
def test_a_head_is_in_a_recipe_only_where_it_is_said(name):
    recipe = load_recipe(name)
    assert (recipe.head is not None) == ("[head]" in recipe.to_toml())


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["name=gem"], "head.name: Input should be 'bnneck', not 'gem'"),
        (["name=1"], "head.name: Input should be 'bnneck', not 1"),
        (["nme=bnneck"], "unknown key head.nme; did you mean name?"),
        (["pool=mean"], "head.pool: Input should be 'avg', 'max', 'avgmax', 'gem' or 'attention'"),
        (["pool=gem", "power=0"], "head.power: Input should be greater than 0, not 0"),
        (["projection=0"], "head.projection: Input should be greater than or equal to 1"),
        (["classifier=[1]"], r"head.classifier: Input should be 'linear', 'cosine', .*not \[1\]"),
        (["name=bnneck", "pool=gem"], 'head: name = "bnneck" says all of a head; .* another key'),
        (["power=3"], 'power and learn_power are of pool = "gem", and pool is "avg"'),
        (["pool=max", "learn_power=false"], 'pool = "gem", and pool is "max"'),
        (["scale=64"], 'classifier = "linear" has no scale and no margin; .*one of cosine, circle'),
        (["margin=0.3"], 'classifier = "linear" has no scale and no margin'),
        (["classifier=cosine", "margin=0.3"], 'classifier = "cosine" has no margin; .*one of circ'),
        (["classifier=circle", "margin=1"], 'margin of classifier = "circle" is below 1, not 1'),
        (["classifier=arcface", "margin=1.6"], '"arcface" is below 1.571, not 1.6'),
        (["neck=none", "tested=before"], 'a side of the neck, and neck is "none"'),
        (["neck=none", "compared=after"], 'a side of the neck, and neck is "none"'),
    ],
)
def test_what_cannot_be_is_refused(overrides, message):
    with pytest.raises(RecipeError, match=message):
        head_of(*overrides)


def test_what_is_no_table_is_refused():
    with pytest.raises(RecipeError, match="head: .*, not 'bnneck'"):
        load_recipe(RECIPE, ["head=bnneck"])


def test_the_page_has_every_key_and_its_examples_are_heads():
    rows = re.findall(r"^\| `(\w+)` \| .* \| (.*) \|$", PAGE, flags=re.MULTILINE)
    keys = [key for key in Head.model_fields if key != "name"]
    assert [key for key, _ in rows if key in keys] == keys
    defaults = {key: default.strip("`") for key, default in rows if key in PLAIN}
    assert defaults == PLAIN
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    assert Head(**tomllib.loads(example)["head"]).scale == 64
    (chosen,) = re.findall(r"--set '(head=.*)'$", PAGE, flags=re.MULTILINE)
    assert load_recipe(RECIPE, [chosen]).head == Head(pool="gem", classifier="circle")
    figures = re.findall(
        r"^\| `(\w+)` \| .* \| (\d+)(?:, ([\d.]+))?.* \|$", PAGE, flags=re.MULTILINE
    )
    for classifier, scale, margin in figures[-4:]:
        head = Head(classifier=classifier)
        assert (head.scale, head.margin) == (float(scale), float(margin) if margin else None)
