"""The colour-histogram baseline."""

import numpy as np
import pytest
from PIL import Image

import crosscam
from crosscam.embedding.histogram import colour_histogram
from crosscam.evaluation.run_test import score_baseline


def test_one_colour_fills_one_bin_of_each_stripe():
    histogram = colour_histogram(Image.new("RGB", (8, 12), (255, 0, 0)))
    assert histogram.shape == (768,)
    assert np.count_nonzero(histogram) == 6
    np.testing.assert_allclose(np.linalg.norm(histogram), np.sqrt(6), rtol=1e-6)
    bins = np.flatnonzero(histogram) % 128
    assert set(bins) == {0 * 16 + 3 * 4 + 3}  # hue 0, full saturation, full value


def test_stripes_see_where_a_colour_is():
    image = Image.new("RGB", (8, 12), "black")
    image.paste((255, 255, 255), (0, 0, 8, 6))
    histogram = colour_histogram(image).reshape(6, 128)
    assert (histogram[0] == histogram[2]).all()
    assert (histogram[0] != histogram[5]).any()


@pytest.mark.slow
def test_the_built_in_people_have_the_documented_baseline():
    scores = score_baseline(crosscam.load_dataset("people"))
    assert scores.num_valid_queries == 374
    assert scores.at_rank(1) == pytest.approx(0.23, abs=0.01)
    assert scores.mAP == pytest.approx(0.10, abs=0.01)
