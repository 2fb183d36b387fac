"""How a test is done: what settings refuse, what they are called, what data sets make of them."""

from pathlib import Path

import pytest

from crosscam import recipe as recipes
from crosscam.errors import DataError, InputError
from crosscam.settings import evaluation
from crosscam.settings.evaluation import PLAIN, EvaluationSettings, read_testing
from crosscam.types import ReIDDataset, Sample


def samples(names, camid, pid=1):
    return tuple(Sample(Path(name), pid, camid) for name in names)


def dataset(query="q", gallery="g", cameras=(1, 2), **changes):
    sides = samples(query, cameras[0]), samples(gallery, cameras[1])
    return ReIDDataset("x", (), *sides, **changes)


UNKNOWN = (None, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"protocol": "best"}, "protocol: Input should be 'cross-camera', .* not 'best'"),
        ({"multi_query": "median"}, "multi_query: Input should be 'mean' or 'max', not 'median'"),
        ({"augment": -1}, "augment: .*greater than or equal to 0, not -1"),
        ({"expand": 10**7}, "expand: .*less than or equal to 1000000"),
        ({"expand": 2.5}, "expand: .*valid integer, not 2.5"),
        ({"rerank": True, "k1": 0}, "k1: .*greater than or equal to 1, not 0"),
        ({"rerank": True, "k2": 0}, "k2: .*greater than or equal to 1, not 0"),
        ({"rerank": True, "lambda_value": 1.5}, "lambda_value: .*less than or equal to 1, not 1.5"),
        ({"expand": 1, "alpha": float("nan")}, "alpha: .*finite number, not nan"),
        ({"flip": 1}, "flip: .*valid boolean, not 1"),
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
    assert PLAIN.resolve(dataset(cameras=UNKNOWN)).protocol == "no-cameras"
    classic = dataset("ab", "ab", protocol="single-shot")
    assert PLAIN.resolve(classic).protocol == "single-shot"
    chosen = EvaluationSettings(protocol="cross-camera", flip=True)
    assert chosen.resolve(classic) == chosen
    with pytest.raises(InputError, match="single-shot draws one image a person"):
        EvaluationSettings(rerank=True).resolve(classic)


@pytest.mark.parametrize(
    ("settings", "data", "message"),
    [
        (EvaluationSettings("cross-camera"), dataset(cameras=UNKNOWN), "has no camera ids"),
        (
            EvaluationSettings("no-cameras"),
            dataset("abc", "cda"),
            "2 of 3 queries are in the gallery too",
        ),
        (PLAIN, dataset("a", "a", cameras=UNKNOWN), "1 of 1 queries are in the gallery too"),
        (
            EvaluationSettings("single-shot"),
            dataset("a", "a", cameras=UNKNOWN),
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


def test_a_table_in_which_every_camera_is_one_is_refused():
    data = dataset("ab", "cd", cameras=(1, 1))
    with pytest.raises(DataError, match=r"another camera .*--protocol no-cameras \(in a recipe"):
        PLAIN.resolve(data)
    with pytest.raises(DataError, match="which the protocol single-shot asks for"):
        EvaluationSettings("single-shot").resolve(data)
    assert EvaluationSettings("no-cameras").resolve(data).protocol == "no-cameras"


def test_queries_of_whom_nobody_is_in_the_gallery_are_refused():
    data = ReIDDataset("x", (), samples("q", 1, pid=1), samples("g", 2, pid=2))
    for settings in (PLAIN, EvaluationSettings("no-cameras"), EvaluationSettings("single-shot")):
        with pytest.raises(DataError, match="none of the people of its 1 queries is in the"):
            settings.resolve(data)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (EvaluationSettings(expand=4), "expand is 4, but the gallery has 3 images, .* at most 3"),
        (EvaluationSettings(augment=3), "augment is 3, but the gallery has 3 images, .* most 2"),
    ],
)
def test_more_neighbours_than_the_gallery_has_are_refused(settings, message):
    with pytest.raises(DataError, match=message):
        settings.resolve(dataset("q", "abc"))


def test_as_many_neighbours_as_there_are_and_reranking_beyond_them_are_allowed():
    for settings in (
        EvaluationSettings(expand=3),
        EvaluationSettings(augment=2),
        EvaluationSettings(rerank=True, k1=50),  # counts all images where they are fewer
    ):
        assert settings.resolve(dataset("q", "abc")).protocol == "cross-camera"


def test_a_query_that_multi_query_has_no_images_for_is_refused():
    data = dataset("q", "g", multi_query=samples("m", 2))
    with pytest.raises(DataError, match="no image of person 1 in camera 1 to pool for the query q"):
        EvaluationSettings(multi_query="mean").resolve(data)


def test_a_set_without_a_test_is_not_looked_at():
    data = ReIDDataset("x", samples("t", 1), (), ())
    assert EvaluationSettings(expand=4).resolve(data).expand == 4


def test_the_test_of_a_recipe_is_these_settings():
    assert evaluation.Testing().settings == PLAIN
    overrides = ["test.flip=true", "test.expand=3", "test.alpha=2.0", "test.batch_size=7"]
    test = recipes.load_recipe("resnet50-xent", overrides).test
    assert isinstance(test, EvaluationSettings)
    assert (test.batch_size, test.metric) == (7, "euclidean")
    assert test.settings == EvaluationSettings(flip=True, expand=3, alpha=2.0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"alpha": 3.0}, "alpha weighs the images of expand"),
        ({"rerankk": True}, "unknown key rerankk; did you mean rerank"),
        ({"flip": "yes"}, "flip: .*valid boolean, not 'yes'"),
        (3, "dictionary or an instance of Testing, not 3"),
    ],
)
def test_a_table_in_a_file_that_is_no_test_is_refused(table, message):
    with pytest.raises(InputError, match=rf"^model\.json: .*{message}"):
        read_testing(table, source="model.json")
