"""Labels that may be wrong: those that were made wrong are found, at the top."""

import numpy as np
import pytest

from crosscam.ranking.ranked import rank_gallery
from crosscam.report.failure_labels import find_suspicions
from crosscam.report.failures import find_failures
from crosscam.types import Embeddings

PEOPLE, CAMERAS = 30, 3


@pytest.fixture
def embeddings():
    """People far from each other; a query of each, and two gallery images of each camera."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((PEOPLE, 16)) * 4

    def drawn(pids, camids):
        noise = rng.standard_normal((len(pids), 16)) / 4
        return Embeddings((centres[pids] + noise).astype(np.float32), pids, camids)

    gallery = np.indices((PEOPLE, CAMERAS, 2)).reshape(3, -1)
    query = np.arange(PEOPLE), np.arange(PEOPLE) % CAMERAS + 1
    return drawn(*query), drawn(gallery[0], gallery[1] + 1)


def suspicions(query, gallery):
    failures = find_failures(rank_gallery(query, gallery, metric="euclidean"))
    return find_suspicions(failures, query, gallery, metric="euclidean")


def test_good_labels_are_not_suspected(embeddings):
    found = suspicions(*embeddings)
    assert (found.alike, found.apart, found.apart_in_camera) == ((), (), ())
    assert 0 < found.alike_below < found.apart_above


def test_one_person_by_two_numbers(embeddings):
    query, gallery = embeddings
    for person in (4, 11):  # each has one query; their images are given to others
        gallery.features[6 * person : 6 * person + 6] = query.features[person + 1] + 0.01
    gallery.features[6 * 4] += 5  # further than it was
    found = suspicions(query, gallery)
    assert [(suspect.query, gallery.pids[suspect.image]) for suspect in found.alike] in (
        [(5, 4), (12, 11)],
        [(12, 11), (5, 4)],
    )
    assert sorted(suspect.pairs for suspect in found.alike) == [5, 6]
    for suspect in found.alike:
        difference = query.features[suspect.query] - gallery.features[suspect.image]
        assert suspect.distance == pytest.approx(np.linalg.norm(difference), rel=1e-6)
        assert suspect.distance < found.alike_below


def test_two_people_by_one_number(embeddings):
    query, gallery = embeddings
    wrong = 6 * 7 + 2 * 1  # of person 7, whose query is of camera 2: one of the same camera
    assert (gallery.pids[wrong], gallery.camids[wrong], query.camids[7]) == (7, 2, 2)
    gallery.features[wrong] = -2 * gallery.features[wrong]
    other = 6 * 3
    assert (gallery.pids[other], gallery.camids[other], query.camids[3]) == (3, 1, 1)
    query.features[9] = -query.features[9]
    found = suspicions(query, gallery)
    assert (7, wrong) in [(suspect.query, suspect.image) for suspect in found.apart]
    assert (7, wrong) in [(suspect.query, suspect.image) for suspect in found.apart_in_camera]
    assert {suspect.query for suspect in found.apart} == {7, 9}
    for suspects in (found.apart, found.apart_in_camera):
        distances = [suspect.distance for suspect in suspects]
        assert distances == sorted(distances, reverse=True)
        assert min(distances) > found.apart_above


def test_without_cameras_none_is_of_the_same(embeddings):
    query, gallery = (Embeddings(side.features, side.pids, None) for side in embeddings)
    query.features[9] = -query.features[9]
    assert suspicions(query, gallery).apart
    assert suspicions(query, gallery).apart_in_camera == ()
