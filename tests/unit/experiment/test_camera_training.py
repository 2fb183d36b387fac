"""Training a model that uses cameras: it is told which there are, and keeps them."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import TINY, write_market, write_people
from tiny_vit import register_tiny

import crosscam
from crosscam.errors import CrosscamWarning, ModelError
from crosscam.experiment.watcher import SilentWatcher
from crosscam.weights.saved import read_card

RECIPE = "resnet50-xent"
SETTINGS = (*TINY, "model='vit_small:cameras=yes,jigsaw=yes'", "weights='none'")


@pytest.fixture
def tiny_model(monkeypatch):
    register_tiny(monkeypatch)


@pytest.mark.usefixtures("tiny_model")
def test_a_run_knows_the_cameras_that_it_was_trained_on(tmp_path, recwarn):
    dataset = crosscam.load_dataset("market1501", write_market(tmp_path / "data", cameras=3))
    done = crosscam.train(RECIPE, dataset, tmp_path / "run", overrides=SETTINGS)
    assert not [one for one in recwarn if "mean of its cameras" in str(one.message)]
    assert read_card(tmp_path / "run").num_cameras == 3
    loaded = crosscam.load_embedder(tmp_path / "run", runtime="torch")
    assert loaded.network.known_cameras == (1, 2, 3)
    sample = dataset.query[0]
    torch.testing.assert_close(
        loaded.embed([sample.path], camids=[sample.camid]),
        done.embedder.embed([sample.path], camids=[sample.camid]),
    )
    first, second = (loaded.embed([sample.path], camids=[camid]) for camid in (1, 2))
    assert (first != second).any()
    boxes = [[0, 0, 16, 32]]
    frame = torch.zeros(32, 16, 3, dtype=torch.uint8).numpy()
    of_boxes = [loaded.embed_boxes(frame, boxes, camid=camid) for camid in (1, 2)]
    assert (of_boxes[0] != of_boxes[1]).any()
    scores = crosscam.evaluate(crosscam.load_model(tmp_path / "run"), dataset)
    assert scores.mAP == pytest.approx(done.scores.mAP, abs=1e-6)


@pytest.mark.usefixtures("tiny_model")
def test_cameras_of_several_data_sets_are_known_apart(tmp_path):
    market = crosscam.load_dataset("market1501", write_market(tmp_path / "a", cameras=3))
    other = crosscam.load_dataset("market1501", write_market(tmp_path / "b", cameras=2))
    mine, settings = replace(other, name="mine"), (*SETTINGS, "schedule.epochs=1")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        watcher = SilentWatcher()
        done = crosscam.train(
            *(RECIPE, [market, mine], tmp_path / "run"),
            overrides=(*settings, "schedule.milestones=[]"),
            watcher=watcher,
        )
        loaded = crosscam.load_embedder(tmp_path / "run", runtime="torch")
        query, _ = crosscam.embed_test(loaded, mine)
    assert loaded.network.known_cameras == (1, 2, 3, 4, 5)
    assert [one.camid_shift for one in loaded.card.data_sets] == [0, 3]
    np.testing.assert_array_equal(query.camids, [sample.camid for sample in mine.query])
    as_trained = loaded.embed(
        [sample.path for sample in mine.query], camids=[sample.camid + 3 for sample in mine.query]
    )
    np.testing.assert_allclose(query.features, as_trained, rtol=1e-5, atol=1e-6)
    assert crosscam.evaluate(loaded, mine).mAP == pytest.approx(done.outcomes["mine"].scores.mAP)
    another = crosscam.load_dataset("market1501", write_market(tmp_path / "c", people=3))
    public = replace(another, name="viper")
    with pytest.warns(CrosscamWarning, match="mean of its cameras"):
        strange, _ = crosscam.embed_test(loaded, public)
    with pytest.warns(CrosscamWarning, match="mean of its cameras"):
        mean = loaded.embed([one.path for one in public.query], camids=[99] * len(public.query))
    np.testing.assert_array_equal(strange.camids, [sample.camid for sample in public.query])
    np.testing.assert_allclose(strange.features, mean, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("tiny_model")
def test_data_without_cameras_are_refused(tmp_path):
    pattern = "{pid}/*.jpg"
    dataset = crosscam.load_dataset("folder", write_people(tmp_path / "data"), pattern=pattern)
    with pytest.raises(ModelError, match="cameras=yes .* and none are known.*leave the switch out"):
        crosscam.train(RECIPE, dataset, tmp_path / "run", overrides=SETTINGS)
    assert not (tmp_path / "run").exists()
