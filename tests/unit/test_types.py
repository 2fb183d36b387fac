"""The values that are handed on refuse what they cannot be."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from crosscam.errors import DataError, InputError
from crosscam.types import Embeddings, ReIDDataset, Sample

KNOWN = Sample(Path("a.jpg"), 1, 1)
UNKNOWN = Sample(Path("b.jpg"), 1, None)


def test_a_dataset_has_cameras_for_all_samples_or_for_none():
    ReIDDataset("x", (KNOWN,), (KNOWN,), (KNOWN,))
    ReIDDataset("x", (UNKNOWN,), (UNKNOWN,), (UNKNOWN,))
    with pytest.raises(DataError, match="some samples have a camera id and some do not"):
        ReIDDataset("x", (KNOWN,), (KNOWN,), (UNKNOWN,))


@pytest.mark.parametrize(
    ("query", "gallery", "empty"), [((KNOWN,), (), "gallery"), ((), (KNOWN,), "query")]
)
def test_half_a_test_split_is_refused(query, gallery, empty):
    with pytest.raises(DataError, match=f"the {empty} is empty"):
        ReIDDataset("x", (KNOWN,), query, gallery)


def test_a_dataset_may_only_train_or_only_test_and_cannot_be_changed():
    dataset = ReIDDataset("x", (KNOWN, KNOWN), (), ())
    assert dataset.num_train_pids == 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset.name = "y"


def test_embeddings_are_finite_and_as_many_as_their_labels():
    features, labels = np.ones((2, 3), np.float32), np.array([1, 2])
    Embeddings(features, labels, None)
    with pytest.raises(InputError, match="one for each feature"):
        Embeddings(features, labels[:1], None)
    with pytest.raises(InputError, match="one for each feature"):
        Embeddings(features, labels, labels[:1])
    with pytest.raises(InputError, match=r"must be \(N, D\)"):
        Embeddings(features[0], labels, None)
    features[1, 2] = np.nan
    with pytest.raises(InputError, match="not finite for 1 of 2 images"):
        Embeddings(features, labels, None)


@pytest.mark.parametrize(("pid", "camid"), [(2**63, 1), (1, 10**22), (-(2**63) - 1, None)])
def test_ids_that_no_integer_holds_are_refused(pid, camid):
    with pytest.raises(DataError, match=r"the ids of 'a\.jpg' are no 64-bit integers"):
        ReIDDataset("own", (Sample(Path("a.jpg"), pid, camid),), (), ())
