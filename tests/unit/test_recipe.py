"""Recipes: what they say, what they refuse, and that overrides are checked like the file."""

import json
import os
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crosscam.errors import InputError, RecipeError
from crosscam.recipe import list_recipes, load_recipe, parse_recipe, recipe_of, seed_of
from crosscam.settings.evaluation import read_testing


def test_overrides_change_and_keep_types():
    recipe = load_recipe(
        "mobilenetv2-xent",
        ["schedule.epochs=2", "batch.size = 16", "weights=some/path.pth", "schedule.milestones=[]"],
    )
    assert recipe.schedule.epochs == 2
    assert recipe.batch.size == 16
    assert recipe.weights == "some/path.pth"
    assert recipe.schedule.milestones == ()


def test_a_table_can_be_overridden_whole():
    recipe = load_recipe("mobilenetv2-xent", ["input={height=64, width=32}"])
    assert (recipe.input.height, recipe.input.width) == (64, 32)


@pytest.mark.parametrize("name", list_recipes())
def test_a_recipe_survives_its_own_toml(name):
    recipe = load_recipe(name)
    assert parse_recipe(recipe.to_toml(), source="again") == recipe
    assert load_recipe(name, ["seed=99"]) != recipe
    card = json.loads(json.dumps(recipe.model_dump(exclude_none=True, mode="json")))
    assert recipe_of(card, source="of a card") == recipe


def test_a_recipe_can_be_a_file(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(load_recipe("mobilenetv2-xent").to_toml(), encoding="utf-8")
    assert load_recipe(path) == load_recipe("mobilenetv2-xent")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("batch.sizee=3", "unknown key batch.sizee; did you mean size?"),
        ("sed=3", "unknown key sed; did you mean seed?"),
        ("qwxz=3", "unknown key qwxz; known are model, weights, weights_licence, seed"),
        ("optimizer.beta=3", "unknown key optimizer.beta; known are name, lr"),
        ("seed.x=3", "seed is a setting, not a table"),
        ("batch.size=ten", "batch.size: .*valid integer, not 'ten'"),
        ("batch.size=1.5", "batch.size: .*valid integer"),
        ("batch.size=true", "batch.size: .*valid integer"),
        ("batch.size=0", "batch.size: .*greater than or equal to 2, not 0"),
        ("batch.size=1", "batch.size: .*greater than or equal to 2"),
        ("input.height=1000000", "input.height: .*less than or equal to 4096"),
        ("compute.threads=99999999999999", "compute.threads: .*less than"),
        ("optimizer.lr=1e300", "optimizer.lr: .*less than"),
        ("augment.pad_crop=1000000", "augment.pad_crop: .*less than"),
        ("loss.triplet=1", "loss.triplet needs batches of at least 2 people with 2 images"),
        ("batch.size='8'", "batch.size: .*valid integer, not '8'"),
        ("optimizer.lr=nan", "optimizer.lr: .*finite number, not nan"),
        ("optimizer.lr=inf", "optimizer.lr: .*finite number"),
        ("optimizer.lr=0", "optimizer.lr: .*greater than 0"),
        ("optimizer.name=adamax", "optimizer.name: .*'adam', 'adamw' or 'sgd'"),
        ("augment.flip=1.5", "augment.flip: .*less than or equal to 1"),
        ("augment=none", "augment: "),
        ("schedule.milestones=[40, 20]", "schedule: milestones must rise"),
        ("schedule.kind=cosine", 'schedule: milestones need kind = "steps"'),
        ("loss.xent=0", "loss: xent and triplet are both 0"),
        ("batch.identities=4", "identities and images_per_identity need sampler"),
        ("batch.sampler=groups", 'sampler = "groups" needs identities'),
        ("seed=-1", "seed: .*greater than or equal to 0"),
        ("seed", "--set takes key=value"),
        ("=3", "--set takes key=value"),
        ("batch..size=3", "--set takes key=value"),
    ],
)
def test_bad_overrides_are_refused_by_name(override, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe("mobilenetv2-xent", [override])


def test_a_value_cannot_smuggle_in_another_key():
    with pytest.raises(RecipeError, match="seed: .*valid integer"):
        load_recipe("mobilenetv2-xent", ["seed=1\nworkers=9"])


def test_sizes_that_contradict_each_other_are_refused():
    with pytest.raises(
        RecipeError, match=r"size is 32, but identities x images_per_identity is 16 x 4"
    ):
        load_recipe("resnet18-xent-htri", ["batch.size=32"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nope", "unknown recipe 'nope'; known are agw-resnet50"),
        ("nope.toml", "cannot read the recipe nope.toml: .*No such file"),
        ("", "unknown recipe ''"),
    ],
)
def test_a_recipe_that_is_not_there(name, message):
    with pytest.raises(RecipeError, match=message):
        load_recipe(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [("model = ", "is not TOML"), ("model = 'resnet18'", "weights is missing; input is missing")],
)
def test_a_file_that_is_no_recipe(text, message):
    with pytest.raises(RecipeError, match=message):
        parse_recipe(text, source="mine.toml")


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_a_recipe_of_another_system_is_read(tmp_path, codec):
    text = load_recipe("mobilenetv2-xent").to_toml().replace("\n", "\r\n")
    path = tmp_path / "mine.toml"
    path.write_bytes(text.encode(codec))
    assert load_recipe(path) == load_recipe("mobilenetv2-xent")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"\xfe\xff\xd8\x00", b"seed = \xe9", b"\0"])
def test_bytes_that_are_no_text_are_refused(tmp_path, content):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match="cannot read the recipe|is not TOML"):
        load_recipe(path)


def test_a_recipe_that_is_no_plain_file_is_refused(tmp_path):
    path = tmp_path / "mine.toml"
    os.mkfifo(path)
    with pytest.raises(RecipeError, match="cannot read the recipe .* a pipe, not a plain file"):
        load_recipe(path)


DEEP = 100_000
DIGITS = "1" * 5_000


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"x = {'[' * DEEP}", "a line of more than 10000 characters"),
        ("x = " + "[\n" * DEEP, "nested too deeply"),
        (f"x = {'{a=' * 3_000}", "nested too deeply"),
        (f"{'a.' * 900}a = 1", "unknown key a; "),
        (f"[{'input.' * 900}a]", "unknown key input.input; "),
        (f"seed = {DIGITS}", "is not TOML: .*digits"),
        (f"seed = 0x{'f' * 5_000}", "seed: "),
        ("seed = 2026-13-45", "is not TOML"),
        ("seed = 2026-01-01", "seed: .*valid integer"),
        ('model = "\\ud800"', "is not TOML"),
        ("seed = 1e999999", "seed: .*valid integer, not inf"),
    ],
)
def test_whatever_the_readers_raise_is_a_refusal(text, message):
    with pytest.raises(RecipeError, match=message) as refusal:
        parse_recipe(text, source="mine.toml")
    assert len(str(refusal.value)) < 1000


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (f"seed={DIGITS}", "--set seed=1+[.]{3}: .*digits"),
        (f"seed=0x{'f' * 5_000}", "seed: .*4294967296, not such a int"),
        (f"seed={'[' * DEEP}", r"--set seed=\[+[.]{3} has more than 10000 characters"),
        (f"seed={'[' * 9_000}", r"--set seed=\[+[.]{3} is nested too deeply"),
        (f"seed={'[' * 90}{']' * 90}", r"seed: .*valid integer, not \[+[.]{3}"),
        (f"{'a.' * 900}b=1", "unknown key a; "),
        (f"input.height={'x' * 9_000}", "input.height: .*integer, not 'x+[.]{3}$"),
        ("weights=\udcff", "no text that a recipe can hold"),
    ],
)
def test_an_override_that_the_readers_cannot_take_is_a_refusal(override, message):
    with pytest.raises(RecipeError, match=message) as refusal:
        load_recipe("mobilenetv2-xent", [override])
    assert len(str(refusal.value)) < 1000


@given(st.text(max_size=60))
def test_no_text_gives_anything_but_a_recipe_or_a_refusal(text):
    with pytest.raises(RecipeError):
        parse_recipe(text, source="mine.toml")


@given(st.sampled_from(["seed", "input", "loss", "test.k1", "batch.size", "x"]), st.text())
def test_no_override_gives_anything_but_a_recipe_or_a_refusal(key, value):
    try:
        recipe = load_recipe("mobilenetv2-xent", [f"{key}={value}"])
    except RecipeError:
        return
    assert parse_recipe(recipe.to_toml(), source="again") == recipe


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@given(st.sampled_from(["seed", "input", "loss", "test", "batch", "calibration", "x"]), ANYTHING)
def test_no_recipe_of_a_card_gives_anything_but_a_refusal(key, value):
    whole = load_recipe("mobilenetv2-xent").model_dump(exclude_none=True, mode="json")
    for settings in ({key: value}, {**whole, key: value}):
        for read in (recipe_of, seed_of):
            with suppress(RecipeError):
                read(settings, source="of a card")
        with suppress(InputError):
            read_testing(settings.get("test", {}), source="model.json")


@pytest.mark.parametrize("seed", ["3", True, -1, 2**32, 1.5, None, [], {"x": "\0"}])
def test_a_seed_of_a_card_that_is_none_is_named(seed):
    assert seed_of({}, source="of a card") == 0
    assert seed_of({"seed": 7, "other": "x"}, source="of a card") == 7
    with pytest.raises(RecipeError, match="^recipe of a card: seed: .*"):
        seed_of({"seed": seed}, source="of a card")


def test_a_recipe_with_triplets_can_be_told_to_draw_at_random():
    overrides = ["batch.sampler=random", "loss.triplet=0"]
    recipe = load_recipe("resnet18-xent-htri", overrides)
    assert recipe.batch.identities_and_images is None
    assert load_recipe("resnet18-xent-htri").batch.identities_and_images == (16, 4)
    with pytest.raises(RecipeError, match='2 images each, which batch.sampler = "random" does not'):
        load_recipe("resnet18-xent-htri", overrides[:1])
    with pytest.raises(RecipeError, match="2 people with 2 images each: set batch.sampler"):
        load_recipe("resnet18-xent-htri", ["batch.identities=64", "batch.images_per_identity=1"])


def test_how_long_an_epoch_is_takes_a_number_or_the_word_images():
    found = [
        load_recipe("resnet50-xent", [f"batch.steps_per_epoch={value}"]).batch.steps_per_epoch
        for value in ("3", "images")
    ]
    assert found == [3, "images"]
    for value in ("0", "pictures", "2.5"):
        with pytest.raises(RecipeError, match='takes a number from 1 on, or "images", not'):
            load_recipe("resnet50-xent", [f"batch.steps_per_epoch={value}"])
