"""What every recipe does, and that the published ones say what was published."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import crosscam
from crosscam.experiment.run import run_experiment
from crosscam.experiment.watcher import SilentWatcher
from crosscam.recipe import list_recipes, load_recipe
from crosscam.zoo.figures import published_figures, strong_figures

# Adam, lr 3e-4, weight decay 5e-4, batch 32, 60 epochs, x0.1 after 20 and 40, label smoothing 0.1,
# 256 x 128, crop and flip with 0.5 each, test batch 100, Euclidean, the last epoch (2018).
PUBLISHED = {
    "input.height": 256,
    "input.width": 128,
    "batch.size": 32,
    "batch.sampler": "random",
    "augment.enlarge_crop": 0.5,
    "augment.flip": 0.5,
    "augment.pad_crop": 0,
    "augment.colour": 0.0,
    "augment.erase": 0.0,
    "loss.xent": 1.0,
    "loss.label_smoothing": 0.1,
    "loss.triplet": 0.0,
    "optimizer.name": "adam",
    "optimizer.lr": 3e-4,
    "optimizer.weight_decay": 5e-4,
    "schedule.epochs": 60,
    "schedule.kind": "steps",
    "schedule.milestones": (20, 40),
    "schedule.gamma": 0.1,
    "schedule.warmup_epochs": 0.0,
    "selection.keep": "last",
    "test.batch_size": 100,
    "test.metric": "euclidean",
    "compute.autocast": "none",
}
SMALL = {"input.height": 160, "input.width": 64}
TRIPLETS = {
    "batch.sampler": "groups",
    "batch.identities": 8,
    "batch.images_per_identity": 4,
    "loss.triplet": 1.0,
    "loss.margin": 0.3,
}
# The model, its start, and what differs from the settings above.
ROWS = {
    "resnet50-xent": ("resnet50", "imagenet", {}),
    "densenet121-xent": ("densenet121", "imagenet", {}),
    "densenet121-htri": ("densenet121", "imagenet", {**TRIPLETS, "loss.xent": 0.0}),
    "densenet121-xent-htri": ("densenet121", "imagenet", TRIPLETS),
    "resnet50m-xent": ("resnet50m", "imagenet", {}),
    "nasnetmobile-xent": ("nasnetmobile", "imagenet", {}),
    "squeezenet-xent": ("squeezenet", "none", {}),
    "mobilenetv2-xent": ("mobilenetv2", "none", {}),
    "shufflenet-xent": ("shufflenet", "none", {}),
    "hacnn-xent": ("hacnn", "none", SMALL),
}


def test_every_published_row_has_its_recipe():
    assert sorted(published_figures().scores) == sorted(ROWS)
    assert set(ROWS) <= set(list_recipes())


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_published_recipe_says_what_was_published(name):
    model, weights, changes = ROWS[name]
    recipe = load_recipe(name)
    assert (recipe.model, recipe.weights) == (model, weights)
    expected = {**PUBLISHED, **changes}
    found = {}
    for key in expected:
        table, setting = key.split(".")
        found[key] = getattr(getattr(recipe, table), setting)
    assert found == expected


# What the authors' own files say, as docs/recipes.md names them.
BAG = {
    "batch": {"size": 64, "identities": 16, "images_per_identity": 4},
    "augment": {"flip": 0.5, "pad_crop": 10, "erase": 0.5, "enlarge_crop": 0.0},
    "optimizer": {"name": "adam", "lr": 3.5e-4, "weight_decay": 5e-4},
    "schedule": {"epochs": 120, "milestones": (40, 70), "warmup_epochs": 10, "warmup_from": 0.01},
    "test": {"metric": "cosine"},
}
SBS = {
    "input": {"height": 384, "width": 128},
    "batch": {"size": 64, "identities": 4, "images_per_identity": 16, "steps_per_epoch": "images"},
    "head": {"pool": "gem", "learn_power": True, "compared": "after", "classifier": "circle"},
    "augment": {"auto_augment": 0.1, "flip": 0.5, "pad_crop": 10, "erase": 0.5},
    "optimizer": {"name": "adam", "lr": 3.5e-4, "weight_decay": 5e-4},
    "schedule": {
        "epochs": 60,
        "kind": "cosine",
        "flat_epochs": 30,
        "floor": 7e-7,
        "warmup_steps": 2000,
        "warmup_from": 0.1,
        "frozen_steps": 1000,
    },
}
TRANSREID = {
    "batch": {"size": 64, "identities": 16, "images_per_identity": 4},
    "optimizer": {"name": "sgd", "lr": 0.008, "weight_decay": 1e-4, "bias_lr": 2.0},
    "schedule": {"epochs": 120, "kind": "cosine", "warmup_epochs": 5},
    "augment": {"flip": 0.5, "pad_crop": 10, "erase": 0.5, "resize": "bicubic"},
}
PERSON = {
    **TRANSREID,
    "optimizer": {"name": "sgd", "lr": 4e-4, "weight_decay": 1e-4, "bias_lr": 2.0},
    "schedule": {"epochs": 120, "kind": "cosine", "warmup_epochs": 20},
}
LIGHTMBN = {
    "input": {"height": 384, "width": 128},
    "batch": {"size": 48, "identities": 6, "images_per_identity": 8},
    "optimizer": {"name": "adam", "lr": 6e-4, "weight_decay": 5e-4},
    "schedule": {"epochs": 130, "kind": "cosine", "warmup_epochs": 10},
    "augment": {"erase": 0.5, "flip": 0.5},
}
# Their facts, and their losses: name, weight and what else is told of each.
STRONG = {
    "bot-resnet50": (BAG, {"xent": {"label_smoothing": 0.1}, "triplet": {"margin": 0.3}}),
    "agw-resnet50": (BAG, {"xent": {}, "wrt": {"weight": 1.0}, "center": {"lr": 0.5}}),
    "sbs-resnet50": (SBS, {"xent": {"label_smoothing": 0.1}, "triplet": {"soft": True}}),
    "sbs-resnet50-ibn": (SBS, {"xent": {}, "triplet": {"soft": True}}),
    "sbs-resnet101-ibn": (SBS, {"xent": {}, "triplet": {"soft": True}}),
    "transreid-vit_base": (
        TRANSREID,
        {"xent": {"label_smoothing": 0.0}, "triplet": {"soft": True}},
    ),
    "person-vit_small": (PERSON, {"xent": {"label_smoothing": 0.0}, "triplet": {"soft": True}}),
    "person-vit_base": (PERSON, {"xent": {"label_smoothing": 0.0}, "triplet": {"soft": True}}),
    "lightmbn-osnet": (LIGHTMBN, {"xent": {"weight": 3.5}, "multi-similarity": {"weight": 1.5}}),
}


def test_every_strong_recipe_with_figures_is_one_of_those_looked_at():
    assert sorted(strong_figures().scores) == sorted(STRONG) == sorted(strong_figures().sources)


@pytest.mark.parametrize("name", sorted(STRONG))
def test_a_strong_recipe_says_what_its_authors_files_say(name):
    facts, losses = STRONG[name]
    recipe = load_recipe(name)
    for table, settings in facts.items():
        found = {key: getattr(getattr(recipe, table), key) for key in settings}
        assert found == settings, table
    assert [part.name for part in recipe.losses] == list(losses)
    for part in recipe.losses:
        assert {key: getattr(part, key) for key in losses[part.name]} == losses[part.name]


@pytest.mark.parametrize("name", list_recipes())
def test_a_recipe_says_every_setting_that_its_run_depends_on(name):
    """A recipe is complete in itself: no default may change what it computes."""
    text = (Path(crosscam.__file__).parent / "zoo" / "recipes" / f"{name}.toml").read_text()
    for setting in ("lr", "weight_decay", "epochs", "metric", "keep", "memory_format", "autocast"):
        assert re.search(rf"^{setting} = ", text, re.MULTILINE), setting


class Listener(SilentWatcher):
    """A watcher that keeps what it is told."""

    def __init__(self):
        self.records, self.notes = [], []

    def on_step(self, record):
        self.records.append(record)

    def on_note(self, note):
        self.notes.append(note)


def reduced(recipe):
    """What makes a recipe one for a few small pictures: 3 steps of 8, of a smaller network."""
    model = recipe.model
    for large, small in {"resnet101": "resnet50", "vit_base": "vit_small"}.items():
        model = model.replace(large, small)
    takes_one_size = model == "hacnn"
    cosine = recipe.schedule.flat_epochs is not None
    return [
        f"model={model}",
        "weights=none",
        *([] if takes_one_size else ["input.height=64", "input.width=32"]),
        "batch.size=8",
        *(["batch.identities=2", "batch.images_per_identity=4"] if recipe.batch.identities else []),
        "schedule.epochs=1",
        *(f"schedule.{key}=0" for key in ("warmup_epochs", "warmup_steps")),
        *(f"schedule.{key}=0" for key in ("frozen_epochs", "frozen_steps")),
        *(["schedule.flat_epochs=0"] if cosine else []),
        *(["schedule.milestones=[]"] if recipe.schedule.milestones else []),
        "workers=0",
    ]


@pytest.mark.parametrize("name", list_recipes())
def test_a_recipe_trains_and_is_tested_at_a_reduced_size(name, tiny_market, tmp_path):
    recipe = load_recipe(name, reduced(load_recipe(name)))
    dataset = crosscam.load_dataset("market1501", tiny_market)
    watcher = Listener()
    experiment = run_experiment(
        recipe, dataset, tmp_path / "run", resume=False, with_baseline=True, watcher=watcher
    )
    assert len(watcher.records) == 3
    assert watcher.notes == []
    assert all(np.isfinite(list(record.parts.values())).all() for record in watcher.records)
    assert experiment.outcome.scores.num_valid_queries == 12
    model = crosscam.load_model(tmp_path / "run")
    settings = crosscam.EvaluationSettings(flip=recipe.test.flip)
    scores = crosscam.evaluate(model, dataset, metric=recipe.test.metric, settings=settings)
    assert scores.mAP == experiment.outcome.scores.mAP
    assert experiment.card.scores["market1501"]["mAP"] == scores.mAP
    size = recipe.input.height, recipe.input.width
    assert torch.isfinite(model(torch.zeros(1, 3, *size))).all()
