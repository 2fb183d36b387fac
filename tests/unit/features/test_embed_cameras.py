"""Files of features by a model that uses cameras: what names and tables say reaches it."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from features import on_torch
from tiny import write_image
from tiny_vit import camera_embedder, register_tiny

from crosscam.errors import CrosscamWarning
from crosscam.features.embed_files import embed_files
from crosscam.weights.saved import save_card, save_weights


@pytest.fixture
def embedder(tmp_path, monkeypatch):
    """One whose model is in `tmp_path / "model"`."""
    register_tiny(monkeypatch)
    made = camera_embedder((1, 2))
    folder = tmp_path / "model"
    folder.mkdir()
    digest = save_weights(folder, made.network.model)
    save_card(folder, replace_card(made.card, digest))
    return replace(made, weights_sha256=digest)


def replace_card(card, digest):
    return card.model_copy(update={"weights_sha256": digest})


def test_numbers_of_cameras_are_used_and_names_that_are_none_are_of_no_camera(embedder, tmp_path):
    names = ("7_2_a.png", "7_1_b.png", "8_door_c.png")
    paths = [write_image(tmp_path / "crops" / name, seed) for seed, name in enumerate(names)]
    source = on_torch(tmp_path / "model")
    with pytest.warns(CrosscamWarning, match="the mean of its cameras"):
        embed_files(
            [tmp_path / "crops"], source, tmp_path / "f.parquet", pattern="{pid}_{camid}_*.png"
        )
    table = pq.read_table(tmp_path / "f.parquet").to_pydict()
    order = np.argsort([names.index(path.rpartition("/")[2]) for path in table["path"]])
    found = np.array(table["feature"])[order]
    with pytest.warns(CrosscamWarning, match="the mean of its cameras"):
        expected = embedder.embed(paths, camids=[2, 1, -5])
    np.testing.assert_allclose(found, expected, atol=1e-5)
