"""How a test is done: what settings refuse, what they are called, what data sets make of them."""

from dataclasses import fields
from pathlib import Path

import pytest

from crosscam import recipe as recipes
from crosscam.errors import DataError, InputError
from crosscam.evaluation.settings import PLAIN, EvaluationSettings
from crosscam.types import ReIDDataset, Sample


def samples(names, camid):
    return tuple(Sample(Path(name), 1, camid) for name in names)


def dataset(query="q", gallery="g", camid=1, **changes):
    return ReIDDataset("x", (), samples(query, camid), samples(gallery, camid), **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": "best"}, "must be one of cross-camera, no-cameras, single-shot, not 'best'"),
        ({"multi_query": "median"}, "multi_query must be one of mean, max, not 'median'"),
        ({"augment": -1}, "augment must be an integer from 0 to 1000000, not -1"),
        ({"expand": 10**7}, "expand must be an integer from 0"),
        ({"expand": 2.5}, "expand must be an integer from 0 to 1000000, not 2.5"),
        ({"rerank": True, "k1": 0}, "k1 must be an integer from 1"),
        ({"rerank": True, "k2": 0}, "k2 must be an integer from 1"),
        ({"rerank": True, "lambda_value": 1.5}, "lambda must be from 0 to 1, not 1.5"),
        ({"expand": 1, "alpha": float("nan")}, "alpha must be a number from 0, not nan"),
        ({"alpha": 3.0}, "alpha weighs the images of expand and augment"),
        ({"k1": 30}, "k1, k2 and lambda are those of re-ranking"),
        ({"lambda_value": 0.0}, "k1, k2 and lambda are those of re-ranking"),
        ({"protocol": "single-shot", "rerank": True}, "single-shot draws one image a person"),
        ({"protocol": "single-shot", "expand": 2}, "single-shot draws one image a person"),
        ({"protocol": "single-shot", "augment": 2}, "single-shot draws one image a person"),
        ({"protocol": "no-cameras", "multi_query": "max"}, "choose one of the two"),
    ],
)
def test_contradictions_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        EvaluationSettings(**changes)


def test_the_protocol_is_the_data_sets_own_if_none_is_named():
    assert PLAIN.resolve(dataset()).protocol == "cross-camera"
    assert PLAIN.resolve(dataset(camid=None)).protocol == "no-cameras"
    classic = dataset("ab", "ab", protocol="single-shot")
    assert PLAIN.resolve(classic).protocol == "single-shot"
    chosen = EvaluationSettings(protocol="cross-camera", flip=True)
    assert chosen.resolve(classic) == chosen
    with pytest.raises(InputError, match="single-shot draws one image a person"):
        EvaluationSettings(rerank=True).resolve(classic)


@pytest.mark.parametrize(
    ("settings", "data", "message"),
    [
        (EvaluationSettings("cross-camera"), dataset(camid=None), "has no camera ids"),
        (
            EvaluationSettings("no-cameras"),
            dataset("abc", "cda"),
            "2 of 3 queries are in the gallery too",
        ),
        (PLAIN, dataset("a", "a", camid=None), "1 of 1 queries are in the gallery too"),
        (
            EvaluationSettings("single-shot"),
            dataset("a", "a", camid=None),
            "without the rule of cameras each would find itself",
        ),
        (EvaluationSettings(multi_query="mean"), dataset(), "read without further images"),
    ],
)
def test_pictures_that_do_not_allow_it_are_refused(settings, data, message):
    with pytest.raises(DataError, match=message):
        settings.resolve(data)


def test_what_differs_from_the_usual_test_is_said():
    assert PLAIN.in_words() == ""
    assert EvaluationSettings("cross-camera").in_words() == ""
    assert EvaluationSettings("no-cameras").in_words() == "no cameras"
    everything = EvaluationSettings(
        None, True, "max", 4, 5, 3.0, True, k1=30, k2=1, lambda_value=0.25
    )
    assert everything.in_words() == (
        "flip; multi-query max; gallery augmented by 4 with alpha 3; queries expanded by 5 with "
        "alpha 3; re-ranked with k1 30, k2 1, lambda 0.25"
    )
    assert everything.to_json()["lambda_value"] == 0.25


def test_a_recipe_has_them_all_and_all_are_off():
    assert EvaluationSettings.of(recipes.Testing()) == PLAIN
    assert {field.name for field in fields(PLAIN)} <= set(recipes.Testing.model_fields)
    overrides = ["test.flip=true", "test.expand=3", "test.alpha=2.0"]
    changed = recipes.load_recipe("resnet50-xent", overrides).test
    assert EvaluationSettings.of(changed) == EvaluationSettings(flip=True, expand=3, alpha=2.0)
