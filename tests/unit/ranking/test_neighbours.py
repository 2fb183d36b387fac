"""`nearest` on cases that can be worked out on paper, and what it refuses."""

import pkgutil

import numpy as np
import pytest
import torch

import crosscam
from crosscam.ranking.copies import Copies
from crosscam.ranking.distances import normalise_rows
from crosscam.ranking.neighbours import nearest, search


def line(*places):
    return np.array(places, dtype=np.float32).reshape(-1, 1)


def test_a_case_on_paper():
    found = nearest(line(0, 10), line(7, 1, 3, 9), k=3)
    assert found.indices.tolist() == [[1, 2, 0], [3, 0, 2]]
    assert found.distances.tolist() == [[1, 9, 49], [1, 9, 49]]
    assert (found.indices.dtype, found.distances.dtype) == (np.int64, np.float64)


def test_of_equal_distances_the_smaller_index_comes_first():
    found = nearest(line(0), line(2, -1, 1, -2, 1, -1), k=5)
    assert found.indices.tolist() == [[1, 2, 4, 5, 0]]


def test_cosine_looks_at_directions_alone():
    found = nearest(
        np.array([[2.0, 0]]), np.array([[0, 1.0], [-3, 0], [100, 0]]), k=3, metric="cosine"
    )
    assert found.indices.tolist() == [[2, 0, 1]]
    assert found.distances.tolist() == [[0, 1, 2]]


def test_an_image_is_its_own_neighbour():
    features = np.random.default_rng(0).standard_normal((50, 4)).astype(np.float32)
    found = nearest(features, features, k=1)
    assert found.indices.ravel().tolist() == list(range(50))
    assert not found.distances.any()


@pytest.mark.parametrize(
    ("compiled", "way"),
    [("0", "counting.TorchCounting"), ("1", "counting_compiled.CompiledCounting")],
)
def test_thousands_of_equal_images_are_little_work(compiled, way, monkeypatch):
    """Measured pair by pair, these would be eighteen million pairs."""
    if compiled == "1":
        pytest.importorskip("numba")
    monkeypatch.setenv("CROSSCAM_COMPILE", compiled)
    counting = pkgutil.resolve_name(f"crosscam.ranking.{way}")
    measure, measured = counting.measure, []

    def counted(self, queries, gallery, rows, columns, metric):
        measured.append(len(rows))
        return measure(self, queries, gallery, rows, columns, metric)

    monkeypatch.setattr(counting, "measure", counted)
    features = np.repeat(line(0, 1, 5), [3000, 3000, 10], axis=0)
    found = nearest(features, features, k=20)
    assert found.indices[5999].tolist() == list(range(3000, 3020))
    assert found.indices[-1].tolist() == [*range(6000, 6010), *range(3000, 3010)]
    assert 0 < sum(measured) < 100


def test_a_furthest_image_is_measured_in_float64():
    features = torch.tensor([[1e4], [1e4 + 1], [1e4 + 3]])
    assert search(features, features, 1, "euclidean").furthest.tolist() == [9, 4, 9]
    same = torch.full((4, 3), 0.1)
    assert search(same, same, 1, "euclidean").furthest.tolist() == [0] * 4


def test_rows_of_equal_hash_are_compared(monkeypatch):
    class Zeros:
        def integers(self, low, high, size):
            return np.full(size, -1)  # makes all weights -1, so that swapped values collide

    monkeypatch.setattr(np.random, "default_rng", lambda seed: Zeros())
    features = torch.tensor([[1.0, 2], [2, 1], [1, 2], [-0.0, 3], [0.0, 3]])
    copies = Copies.of(features, "euclidean")
    assert copies.firsts.tolist() == [0, 1, 3]
    assert copies.groups.tolist() == [0, 1, 0, 2, 2]


def test_lengths_are_correctly_rounded():
    """As NumPy's are; torch's square root on a processor may be off by one in the last place."""
    features = torch.rand(1000, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    doubled = torch.cat([features, features], dim=1)
    squares = doubled[:, 0] ** 2 + doubled[:, 1] ** 2
    expected = features[:, 0].numpy() / np.sqrt(squares.numpy())
    np.testing.assert_array_equal(normalise_rows(doubled)[:, 0].numpy(), expected)


def test_features_may_lie_anywhere(tmp_path):
    rng = np.random.default_rng(0)
    queries, gallery = (rng.standard_normal((count, 6)).astype(np.float32) for count in (7, 30))
    expected = nearest(queries, gallery, k=4)
    np.save(tmp_path / "gallery.npy", gallery)
    mapped = np.load(tmp_path / "gallery.npy", mmap_mode="r")
    for one, other in (
        (torch.from_numpy(queries), torch.from_numpy(gallery)),
        (queries.astype(np.float64), gallery),
        (queries, mapped),
        (torch.from_numpy(queries).requires_grad_(), gallery.tolist()),
    ):
        found = nearest(one, np.asarray(other) if other is mapped else np.float32(other), k=4)
        np.testing.assert_array_equal(found.indices, expected.indices)
        np.testing.assert_array_equal(found.distances, expected.distances)


def test_there_may_be_no_queries():
    assert nearest(line(), line(1, 2), k=2).indices.shape == (0, 2)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((line(NAN), line(1)), {"k": 1}, "queries: 1 of 1 rows hold NaN or infinity"),
        ((line(0), line(1, INF)), {"k": 1}, "gallery: 1 of 2 rows hold NaN"),
        ((line(0), line(1)), {"k": 1, "metric": "cosine"}, "queries: 1 of 1 rows are zero"),
        ((line(0), line(1)), {"k": 1, "metric": "manhattan"}, "'manhattan'"),
        ((line(0), line(1)), {"k": 2}, "from 1 to the 1 images of the gallery, not 2"),
        ((line(0), line(1)), {"k": 0}, "k must be an integer from 1"),
        ((line(0), line(1)), {"k": 1.0}, "k must be an integer from 1"),
        ((line(0), line()), {"k": 1}, "the 0 images of the gallery"),
        ((line(0)[0], line(1)), {"k": 1}, r"queries must be \(N, D\) floating numbers"),
        ((line(0), np.ones((1, 2))), {"k": 1}, "queries have 1 dimensions, gallery 2"),
        ((["a"], line(1)), {"k": 1}, "queries is no array of numbers"),
    ],
)
def test_what_cannot_be_searched_is_refused(arguments, settings, message):
    with pytest.raises(crosscam.CrosscamError, match=message):
        nearest(*arguments, **settings)
