"""The `[augment]` of a recipe: its tables, what is refused, and what an override needs."""

import pytest

from crosscam.errors import RecipeError
from crosscam.recipe import load_recipe, parse_recipe
from crosscam.settings.images import Augmentation

RECIPE = "resnet50-xent"


def test_a_recipe_says_all_of_it_and_is_read_again():
    overrides = [
        "augment.erase=0.5",
        "augment.erasing.fill=colour",
        "augment.erasing.colour=[1, 0.5, 0]",
        "augment.erasing.area=[0.02, 0.33]",
        "augment.colours.brightness=[0.5, 2]",
        "augment.colours.by=person-camera",
        "augment.jpeg=0.2",
        "augment.degrading.quality=[20, 80]",
    ]
    recipe = load_recipe(RECIPE, overrides)
    assert recipe.augment.erasing.colour == (1, 0.5, 0)
    assert recipe.augment.colours.brightness == (0.5, 2)
    assert recipe.augment.degrading.quality == (20, 80)
    assert parse_recipe(recipe.to_toml(), source="again") == recipe


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["colours.brightness=[2, 0.5]"], "brightness: the least comes before the largest"),
        (["colours.brightness=0.5"], r"brightness: give the least and the largest, such as \[0.5"),
        (["colours.hue=0.6"], "augment.colours.hue: .*less than or equal to 0.5"),
        (["colours.by=camera"], "augment.colours.by: .*'image' or 'person-camera'"),
        (["colour.hue=0.1"], "augment.colour: "),
        (["erase=1", "erasing.fill=white"], "augment.erasing.fill: .*'mean', 'noise' or 'colour'"),
        (["erase=1", "erasing.fill=colour"], 'fill = "colour" and colour = .* need each other'),
        (
            ["erase=1", "erasing.colour=[0, 0, 0]"],
            'fill = "colour" and colour = .* need each other',
        ),
        (
            ["erase=1", "erasing.area=[0.1, 1.2]"],
            r"augment.erasing.area\[2\]: .*less than or equal",
        ),
        (
            ["erase=1", "erasing.aspekt=1"],
            "unknown key augment.erasing.aspekt; did you mean asp",
        ),
        (["rand_augment=1", "rand.number=15"], "augment.rand.number: .*less than or equal to 14"),
        (["jpeg=1", "degrading.quality=[0, 9]"], r"augment.degrading.quality\[1\]: .*greater than"),
    ],
)
def test_what_cannot_be_is_refused(overrides, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe(RECIPE, [f"augment.{override}" for override in overrides])


@pytest.mark.parametrize(
    ("override", "switch"),
    [
        ("erasing.fill=noise", "erase"),
        ("rand.magnitude=5", "rand_augment"),
        ("degrading.sigma=[1, 2]", "blur"),
        ("degrading.shrink=[1, 2]", "low_resolution"),
        ("degrading.quality=[20, 90]", "jpeg"),
    ],
)
def test_an_override_of_what_is_off_says_what_switches_it_on(override, switch):
    key = override.partition("=")[0]
    with pytest.raises(RecipeError, match=f"augment.{key} needs augment.{switch}, which is 0"):
        load_recipe(RECIPE, [f"augment.{override}"])
    on = load_recipe(RECIPE, [f"augment.{switch}=0.5", f"augment.{override}"])
    assert on.augment != Augmentation()


def test_how_far_to_enlarge_needs_enlarging():
    assert load_recipe(RECIPE, ["augment.enlarge_by=1.05"]).augment.enlarge_by == 1.05
    with pytest.raises(RecipeError, match=r"enlarge_by needs augment\.enlarge_crop"):
        load_recipe(RECIPE, ["augment.enlarge_crop=0", "augment.enlarge_by=1.05"])
