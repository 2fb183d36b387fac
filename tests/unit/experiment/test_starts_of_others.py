"""Recipes that start from weights of others: asked for, with their licence, and written down."""

import hashlib

import pytest
import torch
from tiny import TINY, write_market
from tiny_vit import register_tiny, tiny_vit

import crosscam
from crosscam.errors import RecipeError
from crosscam.weights.saved import read_card

RECIPE = "resnet50-xent"


def train(tmp_path, monkeypatch, *settings, out="run"):
    register_tiny(monkeypatch)
    dataset = crosscam.load_dataset("market1501", write_market(tmp_path / "data"))
    return crosscam.train(
        RECIPE, dataset, tmp_path / out, overrides=[*TINY, "model='vit_small'", *settings]
    )


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        (
            ("weights=ask", "weights_licence=ask"),
            r"give the file, --set weights=PATH, and by which",
        ),
        (
            ("weights=a.pth", "weights_licence=ask"),
            r"you may use a\.pth, since .*weights_licence=MIT",
        ),
    ],
)
def test_what_a_recipe_asks_for_has_to_be_stated(tmp_path, monkeypatch, settings, fault):
    with pytest.raises(RecipeError, match=fault):
        train(tmp_path, monkeypatch, *settings)
    assert not (tmp_path / "run").exists()


def test_the_stated_licence_is_kept_with_the_model(tmp_path, monkeypatch):
    path = tmp_path / "start.pth"
    torch.save(tiny_vit().state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    train(tmp_path, monkeypatch, f"weights='{path}'", "weights_licence='MIT, (c) 2021 Somebody'")
    card = read_card(tmp_path / "run")
    stated = "its licence as stated: MIT, (c) 2021 Somebody"
    assert card.trained_on.initial_weights == f"{path}, SHA-256 {digest}; {stated}"
    assert card.licence.endswith("The licence of its start, as stated: MIT, (c) 2021 Somebody")
    train(tmp_path, monkeypatch, f"weights='{tmp_path / 'run'}'", out="second")
    second = read_card(tmp_path / "second").trained_on.initial_weights
    assert second.endswith("; the licence of its own start as stated: MIT, (c) 2021 Somebody")


def test_a_random_start_has_no_licence(tmp_path, monkeypatch):
    train(tmp_path, monkeypatch, "weights=none", "weights_licence=ask")
    card = read_card(tmp_path / "run")
    assert card.trained_on.initial_weights == "random"
    assert "ask" not in card.licence
