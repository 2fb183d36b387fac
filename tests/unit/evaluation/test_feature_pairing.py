"""Two files of features as one test: names numbered alike, and what does not belong together."""

import numpy as np
import pytest
from feature_files import CAMIDS, PIDS, people

from crosscam.embedding.feature_file import FeatureCard, FeatureFile
from crosscam.errors import DataError, InputError
from crosscam.evaluation.feature_pairing import count_equal, pair_features
from crosscam.settings.evaluation import EvaluationSettings

WEIGHTS = "0123456789abcdef"


def file(name="q", *, features=None, pids=PIDS, camids=CAMIDS, paths=None, **card):
    given = people() if features is None else features
    said = {"metric": "cosine", **card}
    return FeatureFile(name, given, pids, camids, paths, FeatureCard(**said))


def words(numbers):
    return tuple(f"p{number}" for number in numbers)


def test_names_are_numbered_alike_in_both():
    query = file(pids=words(PIDS[::4]), features=people()[::4], camids=words(CAMIDS[::4]))
    gallery = file("g", pids=words(PIDS[::-1]), camids=words(CAMIDS))
    test = pair_features(query, gallery)
    assert test.query.pids.tolist() == PIDS[::4].tolist()
    assert test.gallery.pids.tolist() == PIDS[::-1].tolist()
    assert test.gallery.camids.tolist() == CAMIDS.tolist()
    assert any(
        "pids were numbered in the order of their names" in one for one in test.dataset.notes
    )


def test_numbers_and_digits_are_the_same_people():
    query = file(pids=tuple(f"{pid:04}" for pid in PIDS))
    assert pair_features(query, file("g")).query.pids.tolist() == PIDS.tolist()
    mixed = file(pids=("7", "007", *words(PIDS[2:])))
    test = pair_features(mixed, file("g"))
    assert test.query.pids[:2].tolist() == [7, 7]
    assert any("007 and 7" in note for note in test.dataset.notes)


@pytest.mark.parametrize("as_words", [False, True])
def test_junk_is_left_out_and_counted(as_words):
    pids = np.where(np.arange(24) % 8 == 0, -1, PIDS)
    gallery = file("g", pids=tuple(map(str, pids)) if as_words else pids)
    test = pair_features(file(), gallery)
    assert len(test.gallery.pids) == len(test.dataset.gallery) == 21
    np.testing.assert_array_equal(test.gallery.features, people()[pids != -1])
    assert test.dataset.left_out == {"junk (no pid, or -1)": 3}
    assert pair_features(file(), file("g")).dataset.left_out == {}
    with pytest.raises(DataError, match=r"all rows of g are junk"):
        pair_features(file(), file("g", pids=np.full(24, -1)))


@pytest.mark.parametrize(
    ("query", "gallery", "message"),
    [
        (file(pids=None), file("g"), "q does not say who is in its pictures: scores need a pid"),
        (file(), file("g", pids=None), "g does not say who"),
        (file(), file("g", camids=None), "q alone has camids"),
        (file(), file("g", features=people(dim=8)), "have 16 numbers, those of g 8"),
        (
            file(made_by=f"{WEIGHTS}-01"),
            file("g", made_by="f" * 16 + "-01"),
            "q is of other weights",
        ),
    ],
)
def test_files_that_do_not_belong_together(query, gallery, message):
    with pytest.raises(DataError, match=message):
        pair_features(query, gallery)


def test_what_else_differs_is_noted():
    one = file(made_by=f"{WEIGHTS}-01", precision="float32")
    other = file("g", made_by=f"{WEIGHTS}-01-bf16", precision="bf16")
    notes = pair_features(one, other).dataset.notes
    assert any(f"made_by is {WEIGHTS}-01 and {WEIGHTS}-01-bf16" in note for note in notes)
    assert any("precision is float32 and bf16" in note for note in notes)
    assert pair_features(one, one).dataset.notes == ()
    notes = pair_features(one, file("g")).dataset.notes
    assert notes == ("g does not say which weights its features are of",)


def test_the_metric_is_that_of_the_files_or_of_the_user():
    silent = file(metric=None)
    assert pair_features(silent, file("g")).metric == "cosine"
    with pytest.raises(InputError, match="say --metric euclidean or --metric cosine"):
        pair_features(silent, silent)
    with pytest.raises(InputError, match="q is to be compared by cosine, g by euclidean"):
        pair_features(file(), file("g", metric="euclidean"))
    test = pair_features(file(), silent, metric="euclidean")
    assert test.metric == "euclidean"
    assert test.dataset.notes == ("compared by euclidean, but q says cosine",)


def test_cameras_of_one_file_are_not_needed_without_the_rule_of_cameras():
    test = pair_features(file(), file("g", camids=None), protocol="no-cameras")
    assert test.query.camids is None
    assert test.dataset.protocol == "no-cameras"


def test_queries_that_are_in_the_gallery():
    """The same picture is refused where no camera rules it out; an equal name alone is none."""
    paths = tuple(f"/c/{row}.jpg" for row in range(24))
    bare = EvaluationSettings(protocol="no-cameras")
    same = pair_features(file(paths=paths), file("g", paths=paths))
    with pytest.raises(DataError, match="24 of 24 queries are in the gallery too"):
        bare.resolve(same.dataset)
    bare.resolve(
        pair_features(file(paths=paths), file("g", features=people(1), paths=paths)).dataset
    )
    unnamed = pair_features(file(), file("g"))
    bare.resolve(unnamed.dataset)
    assert count_equal(unnamed.query, unnamed.gallery) == 24
    assert unnamed.dataset.query[3].path.name == "row 3"
