"""Comparing two recorded tests, if they are tests of the same thing."""

import numpy as np

from crosscam.decisions.comparison import Comparison, compare_figures
from crosscam.errors import RunError
from crosscam.evaluation.record import TestRecord


def compare(one: TestRecord, other: TestRecord, *, seed: int = 0) -> Comparison:
    """Compare two tests of the same queries, by a paired test over people.

    Raises `RunError` if they are of other data, queries or protocols, and `InputError` for fewer
    than two people.
    """
    _refuse_unequal(one, other)
    before, after = (
        {str(name): record.values(name) for name in record.figures} for record in (one, other)
    )
    return compare_figures(before, after, one.query_pids, seed=seed)


def _refuse_unequal(one: TestRecord, other: TestRecord) -> None:
    if one.data_fingerprint != other.data_fingerprint:
        raise RunError(
            f"the two were tested on different data ({one.data}, {one.data_fingerprint}; "
            f"{other.data}, {other.data_fingerprint}), so there is nothing to compare; test both "
            "on the same files"
        )
    protocols = [record.settings.get("protocol") for record in (one, other)]
    if protocols[0] != protocols[1]:
        raise RunError(
            f"the two were tested by different protocols ({protocols[0]} and {protocols[1]}); test "
            "both by the same"
        )
    answered = [np.isfinite(record.values("mAP")) for record in (one, other)]
    asked = [(record.images, record.pids) for record in (one, other)]
    if asked[0] != asked[1] or (answered[0] != answered[1]).any():
        raise RunError("the two were not asked the same queries; test both on the same files")
