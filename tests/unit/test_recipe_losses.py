"""The two ways in which a recipe says its loss."""

import pytest

from crosscam.errors import RecipeError
from crosscam.recipe import load_recipe, parse_recipe
from crosscam.settings.losses import LOSSES, Center, CrossEntropy, MultiSimilarity, Triplet

TEXT = load_recipe("lightres-xent-htri").to_toml()
TABLE = TEXT[TEXT.index("[loss]") : TEXT.index("[optimizer]")]
LIST = """
[[loss]]
name = "xent"
label_smoothing = 0.2

[[loss]]
name = "triplet"
weight = 0.5
on = "features"
"""

ALL = "xent, triplet, wrt, center, circle, supcon, multi-similarity"
HEAD = 'head={classifier="arcface"}'


def with_losses(losses, *overrides):
    return parse_recipe(TEXT.replace(TABLE, losses), overrides, source="mine.toml")


def test_the_table_and_the_list_are_the_same_parts():
    recipe = with_losses(TABLE, "loss.triplet=0.5", "loss.label_smoothing=0.2")
    expected = (
        CrossEntropy(name="xent", label_smoothing=0.2),
        Triplet(name="triplet", weight=0.5),
    )
    assert recipe.losses == expected
    assert with_losses(LIST + "\n").losses == expected
    assert with_losses(TABLE, "loss.triplet=0").losses == (CrossEntropy(name="xent"),)


def test_a_list_survives_its_own_toml_and_is_overridden_by_name():
    recipe = with_losses(LIST, "loss.triplet.weight=2", "loss.xent.weight=0")
    assert parse_recipe(recipe.to_toml(), source="again") == recipe
    assert recipe.losses == (Triplet(name="triplet", weight=2.0),)
    only = with_losses(LIST, 'loss=[{name="triplet"}]', "loss.triplet.margin=0.5")
    assert only.losses == (Triplet(name="triplet", margin=0.5),)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_survives_its_own_toml(name):
    recipe = with_losses(LIST, f'loss=[{{name="{name}", weight=2}}]')
    assert parse_recipe(recipe.to_toml(), source="again") == recipe
    assert recipe.losses == (LOSSES[name](name=name, weight=2.0),)


def test_defaults_are_those_of_the_systems_that_win():
    center, similar = Center(name="center"), MultiSimilarity(name="multi-similarity")
    assert (center.weight, center.lr) == (5e-4, 0.5)
    assert (similar.alpha, similar.beta, similar.base, similar.margin) == (2, 40, 0.5, 0.7)
    circle = LOSSES["circle"](name="circle")
    assert (circle.scale, circle.margin) == (128, 0.25)


def test_losses_that_compare_no_images_take_any_batches():
    one = ("batch.sampler=random",)
    recipe = with_losses(LIST, 'loss=[{name="xent"}, {name="center"}]', *one)
    assert [part.name for part in recipe.losses] == ["xent", "center"]
    for name, kind in LOSSES.items():
        if kind.compares_images:
            with pytest.raises(RecipeError, match=f"loss.{name} needs batches of at least 2"):
                with_losses(LIST, f'loss=[{{name="{name}"}}]', *one)


def test_a_classifier_that_gives_cosines_is_taken_where_a_loss_looks_at_them():
    assert with_losses(LIST, HEAD).head.gives_cosines


@pytest.mark.parametrize(
    ("losses", "override", "message"),
    [
        (TABLE + LIST, (), r"has both \[loss\] and \[\[loss\]\]"),
        (LIST + TABLE, (), r"has both \[loss\] and \[\[loss\]\]"),
        (LIST.replace("triplet", "circlet"), (), f"unknown loss 'circlet'; known are {ALL}$"),
        ("[[loss]]\nweight = 1\n", (), rf"loss\[1\]\.name is missing; known are {ALL}$"),
        (LIST.replace("features", "logits"), (), "loss.triplet.on: .*'features', not 'logits'"),
        (LIST, ("loss.triplet.weight=-1",), "loss.triplet.weight: .*equal to 0, not -1"),
        (LIST, ("loss.xent.margin=1",), "unknown key loss.xent.margin; known are name, weight, on"),
        (LIST, ('loss=[{name="tripplet"}]',), f"unknown loss 'tripplet'; known are {ALL}$"),
        (LIST, ('loss=[{name="wrt", margin=1}]',), "unknown key loss.wrt.margin; known are name,"),
        (LIST, ("loss.triplet.margin=1", "loss.triplet.soft=true"), "loss.triplet: a soft margin"),
        (LIST, ('loss=[{name="supcon", temperature=0}]',), "loss.supcon.temperature: .*0.001"),
        (LIST, ('loss=[{name="circle", scale=1e9}]',), "loss.circle.scale: .*10000"),
        (LIST, ('loss=[{name="multi-similarity", base=2}]',), "loss.multi-similarity.base: .*1, "),
        (LIST, ('loss=[{name="center", lr=0}]',), "loss.center.lr: .*greater than 0"),
        (LIST, ("loss.xent.weight=0", HEAD), 'head.classifier = "arcface" shapes logits'),
        (LIST, ("loss.circle.weight=1",), "there is no circle in this recipe, only xent, triplet"),
        (LIST, ("loss.xent=2",), "loss is a list; say loss.xent.KEY=value"),
        (LIST, ("loss.xent.weight=0", "loss.triplet.weight=0"), "no loss has a weight"),
        (LIST + '[[loss]]\nname = "xent"\n', (), "loss: xent is there twice"),
        (LIST, ("batch.sampler=random",), "loss.triplet needs batches .* does not give"),
        ("loss = []\n", (), "no loss has a weight"),
        (TABLE, ("loss=3",), "loss: .*valid dictionary.*, not 3"),
        (TABLE, ("loss.xentt=3",), "unknown key loss.xentt; did you mean xent"),
        (TABLE, ("loss.xent.weight=3",), "xent is a setting, not a table"),
        (TABLE, ("loss.margin=-1",), "loss.margin: .*equal to 0, not -1"),
        (TABLE, ("loss.xent=0", "loss.triplet=0"), "loss: xent and triplet are both 0"),
    ],
)
def test_what_is_no_loss_is_refused_by_name(losses, override, message):
    if losses.startswith("loss = "):
        text = losses + TEXT.replace(TABLE, "")
    else:
        text = TEXT.replace(TABLE, losses)
    with pytest.raises(RecipeError, match=message):
        parse_recipe(text, override, source="mine.toml")
