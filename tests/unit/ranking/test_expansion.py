"""Query expansion and gallery augmentation on paper, and what they refuse."""

import numpy as np
import pytest

import crosscam
from crosscam.ranking.expansion import augment_gallery, expand_queries

EAST, NORTH, WEST = [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]
HALF = 0.5**0.5


def test_average_expansion_weighs_all_alike():
    expanded = expand_queries(np.array([EAST]), np.array([NORTH, WEST]) * 5, count=1)
    assert expanded.dtype == np.float32
    assert expanded.tolist() == [pytest.approx([HALF, HALF])]


def test_alpha_expansion_weighs_by_similarity_and_not_at_all_below_zero():
    gallery = np.array([[HALF, HALF], WEST])
    weight = HALF**2
    total = np.array([1 + weight * HALF, weight * HALF])
    expanded = expand_queries(np.array([EAST]), gallery, count=2, alpha=2)
    assert expanded[0] == pytest.approx(total / np.linalg.norm(total))
    assert expand_queries(np.array([EAST]), gallery[1:], count=1, alpha=2).tolist() == [EAST]


def test_a_query_that_would_vanish_stays():
    assert expand_queries(np.array([EAST]), np.array([WEST]), count=1).tolist() == [EAST]


def test_an_image_of_the_gallery_is_not_its_own_neighbour():
    augmented = augment_gallery(np.array([EAST, NORTH, EAST]), count=1)
    assert augmented.tolist() == [EAST, pytest.approx([HALF, HALF]), EAST]


def test_many_equal_images_augment_each_other_alone():
    gallery = np.array([EAST] * 50 + [NORTH] * 3)
    np.testing.assert_array_equal(augment_gallery(gallery, count=2), gallery)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": 0}, "count must be an integer from 1 to the 2 images of the gallery, not 0"),
        ({"count": 3}, "to the 2 images of the gallery, not 3"),
        ({"count": 1.5}, "count must be an integer"),
        ({"count": 1, "alpha": -1}, "alpha must be a number from 0 on, not -1"),
        ({"count": 1, "alpha": float("nan")}, "alpha must be a number"),
        ({"count": 1, "alpha": "3"}, "alpha must be a number"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(crosscam.CrosscamError, match=message):
        expand_queries(np.array([EAST]), np.array([NORTH, WEST]), **settings)


def test_features_that_cannot_be_compared_are_refused():
    with pytest.raises(crosscam.CrosscamError, match="gallery: 1 of 2 rows are zero"):
        augment_gallery(np.array([EAST, [0.0, 0]]), count=1)
    with pytest.raises(crosscam.CrosscamError, match="queries have 2 dimensions, gallery 1"):
        expand_queries(np.array([EAST]), np.array([[1.0]]), count=1)
    with pytest.raises(crosscam.CrosscamError, match="to the 0 other images of the gallery"):
        augment_gallery(np.array([EAST]), count=1)
