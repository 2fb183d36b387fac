"""Numbers for the names of people and cameras."""

import pytest

from crosscam.data.labels import describe_numbers, number_names, tidy


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["7", "0007", "-1", "0"], {"7": 7, "0007": 7, "-1": -1, "0": 0}),
        (["bob", "alice"], {"alice": 1, "bob": 2}),
        (["bob", "12", "alice"], {"12": 12, "alice": 13, "bob": 14}),
        (["-1", "alice"], {"-1": -1, "alice": 1}),
        (["-2", "1e3", "+4", "٣"], {"+4": 1, "-2": 2, "1e3": 3, "٣": 4}),
        (["9" * 18, "9" * 19], {"9" * 18: 10**18 - 1, "9" * 19: 10**18}),
        ([], {}),
    ],
)
def test_digits_keep_their_number_and_words_are_counted(names, numbers):
    assert number_names(names) == numbers
    assert number_names(reversed(names)) == numbers


def test_what_was_numbered_is_said():
    assert describe_numbers("people", number_names(["7", "-1"])) == ()
    few = describe_numbers("people", number_names(["7", "bob", "alice"]))
    assert few == ("people were numbered in the order of their names: 8 is alice, 9 is bob",)
    (many,) = describe_numbers("cameras", number_names("abcdefghij"))
    assert many.endswith("4 is d, 5 is e, ..., 10 is j")


def test_names_are_compared_tidily():
    assert tidy(" jose\u0301 ") == "jos\u00e9"
