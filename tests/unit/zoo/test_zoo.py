"""The published figures and weights, as data."""

import pytest

import crosscam
from crosscam.models.cost import count_multiply_adds, measure_speed
from crosscam.recipe import load_recipe
from crosscam.weights.published import TRAINING_DATA, WEIGHTS, list_weights
from crosscam.zoo.figures import published_figures


def test_the_table_has_its_34_cells():
    figures = published_figures()
    assert sum(len(cells) for cells in figures.scores.values()) == 34
    assert figures.of("resnet50-xent", "market1501") == (88.5, 71.3)
    assert figures.of("hacnn-xent", "msmt17") == (61.8, 34.6)
    assert figures.of("densenet121-htri", "msmt17") is None
    assert figures.of("nope", "market1501") is None
    assert all(data in TRAINING_DATA for cells in figures.scores.values() for data in cells)


def test_twelve_files_were_published_each_with_figures_terms_and_a_licence():
    assert len(WEIGHTS) == 12
    assert list_weights() == sorted(WEIGHTS)
    figures = published_figures()
    for name, weights in WEIGHTS.items():
        assert weights.name == name
        assert load_recipe(weights.recipe).model == weights.architecture
        assert figures.of(weights.recipe, weights.trained_on.name)
        assert weights.url.endswith(f"/{weights.file_name}")
        assert weights.trained_on.terms
        assert "MIT" in weights.licence
        assert weights.sha256 is None  # nobody published them
    assert "withdrawn" in WEIGHTS["resnet50-xent-dukemtmcreid"].trained_on.terms


@pytest.mark.parametrize(
    ("name", "millions"),
    # Of the papers at 224 x 224: 4,089, 1,814 and 2,834 million; here times 256 x 128 / 224^2.
    [("resnet50", 2_669), ("resnet18", 1_185), ("densenet121", 1_850)],
)
def test_multiply_adds_are_those_that_papers_give(name, millions):
    found = count_multiply_adds(crosscam.create_model(name, num_classes=1)) / 1e6
    assert found == pytest.approx(millions, rel=0.01)


def test_speed_is_measured_for_each_memory_format():
    model = crosscam.create_model("squeezenet", num_classes=2)
    speeds = measure_speed(model, batch_size=1, seconds=0)
    assert sorted(speeds) == ["channels_last", "contiguous"]
    assert all(speed > 0 for speed in speeds.values())
