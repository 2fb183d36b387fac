"""The paired test of arrays; `tests/unit/evaluation/test_compare.py` has it on records."""

import numpy as np
import pytest

from crosscam.decisions.comparison import compare_figures
from crosscam.errors import InputError

PIDS = np.array([1, 1, 2, 2])
ONE = {"mAP": np.array([0.5, 0.5, np.nan, 0.25]), "rank1": np.array([1, 0, np.nan, 0.0])}


def test_figures_of_both_are_compared_over_valid_queries():
    other = {"mAP": ONE["mAP"] + 0.25}
    found = compare_figures(ONE, other, PIDS)
    assert [difference.figure for difference in found.differences] == ["mAP"]
    assert found.of("mAP").gain == pytest.approx(0.25)
    assert (found.num_queries, found.num_people) == (3, 2)
    np.testing.assert_allclose(found.by_person, 0.25)


@pytest.mark.parametrize(
    ("other", "pids", "message"),
    [
        ({"rank1": ONE["rank1"]}, PIDS, "need the average precision"),
        (ONE, PIDS[:3], "3 query_pids, but not as many"),
        ({"mAP": np.zeros(4)}, PIDS, "other queries with a true match"),
        (ONE, np.ones(4, dtype=int), "queries of two people or more"),
    ],
)
def test_what_is_refused(other, pids, message):
    with pytest.raises(InputError, match=message):
        compare_figures(ONE, other, pids)
