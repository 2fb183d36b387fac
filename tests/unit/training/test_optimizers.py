"""Optimisers, and what each parameter learns by."""

import copy
import importlib
from contextlib import nullcontext

import pytest
import torch
from pydantic import ValidationError
from timm_models import import_timm
from tiny import TINY, write_market
from torch import nn

import crosscam
from crosscam.errors import RecipeError
from crosscam.losses.weighted import WeightedLosses
from crosscam.models.base import ReIDModel
from crosscam.models.registry import build_model, outline_model
from crosscam.settings.head import Head
from crosscam.settings.losses import Center, CrossEntropy
from crosscam.settings.training import Optimizer, Schedule
from crosscam.training.batches import Step
from crosscam.training.optimizers import Optimizers, create_optimizer, parameter_groups
from crosscam.training.step import LabelledBatch, training_step
from crosscam.types import ModelOutput


class Small(ReIDModel):
    """Two layers, of which the second is the end."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(3, 2)
        self.classifier = nn.Linear(2, 2)


def no_losses():
    return WeightedLosses([CrossEntropy(name="xent")])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_optimisers_take_their_settings(name, kind):
    settings = Optimizer(name=name, lr=0.1, weight_decay=0.01, momentum=0.8)
    model = Small()
    optimizer = create_optimizer(settings, parameter_groups(model, settings))
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    assert all(one is other for one, other in zip(group["params"], model.parameters(), strict=True))
    assert (group["lr"], group["weight_decay"]) == (0.1, 0.01)
    assert group.get("momentum", 0.8) == 0.8
    assert not group.get("nesterov", False)


def test_sgd_can_look_ahead():
    settings = Optimizer(name="sgd", lr=0.1, weight_decay=0.0, nesterov=True)
    optimizer = create_optimizer(settings, parameter_groups(Small(), settings))
    assert optimizer.param_groups[0]["nesterov"]


def learned_by(model, settings):
    """(rate, weight decay) by the parameter's name."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = parameter_groups(model, settings)
    found = {
        names[id(parameter)]: (group.lr, group.weight_decay)
        for group in groups
        for parameter in group.parameters
    }
    assert len(found) == sum(len(group.parameters) for group in groups) == len(names)
    return found


def test_factors_of_the_end_and_of_biases_multiply():
    """As in FastReID's `get_default_optimizer_params`, whose end is called heads."""
    settings = Optimizer(
        name="sgd",
        lr=0.1,
        weight_decay=0.01,
        head_lr=10.0,
        bias_lr=2.0,
        bias_weight_decay=0.0,
    )
    assert learned_by(Small(), settings) == {
        "body.weight": (0.1, 0.01),
        "body.bias": (0.2, 0.0),
        "classifier.weight": (1.0, 0.01),
        "classifier.bias": (2.0, 0.0),
    }


def test_each_group_goes_by_the_schedule_from_its_own_rate():
    settings = Optimizer(name="adamw", lr=0.1, weight_decay=0.01, head_lr=5.0)
    optimizers = Optimizers(Small(), no_losses(), settings)
    assert [group["lr"] for group in optimizers.main.param_groups] == [0.1, 0.5]
    schedule = Schedule(epochs=4, kind="cosine", floor=0.04)
    assert optimizers.set_rates(schedule, Step(2, 0, 5), steps_done=10) == pytest.approx(0.07)
    assert [group["lr"] for group in optimizers.main.param_groups] == pytest.approx([0.07, 0.35])
    assert optimizers.set_rates(schedule, Step(3, 5, 5), steps_done=20) == pytest.approx(0.04)
    assert [group["lr"] for group in optimizers.main.param_groups] == pytest.approx([0.04, 0.2])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["test_vit", "test_resnet"])
def test_layer_decay_is_timms(name):
    timm = import_timm()
    theirs = timm.create_model(name, num_classes=3)
    grouped = importlib.import_module("timm.optim").param_groups_layer_decay(
        theirs, layer_decay=0.7, weight_decay=0.0
    )
    names = {id(parameter): name for name, parameter in theirs.named_parameters()}
    expected = {names[id(one)]: group["lr_scale"] for group in grouped for one in group["params"]}
    settings = Optimizer(name="adamw", lr=1.0, weight_decay=0.0, layer_decay=0.7)
    size = ":size=160x160" if name == "test_vit" else ""
    found = learned_by(build_model(f"timm/{name}{size}", num_classes=3), settings)
    end = {key for key in expected if key.startswith(("head.", "fc."))}
    assert {f"backbone.{key}" for key in expected.keys() - end} == {
        key for key in found if key.startswith("backbone.")
    }
    for key, scale in expected.items():
        own = key.replace("head.", "classifier.").replace("fc.", "classifier.")
        rate, _ = found[own if key in end else f"backbone.{key}"]
        assert rate == pytest.approx(scale), key
    assert len(set(expected.values())) > 3


def test_layer_decay_of_a_resnet_goes_by_its_stages():
    settings = Optimizer(name="sgd", lr=1.0, weight_decay=0.0, layer_decay=0.5, head_lr=3.0)
    found = learned_by(build_model("resnet18", num_classes=2, head=Head()), settings)
    assert found["network.conv1.weight"] == (0.5**5, 0.0)
    assert found["network.layer1.0.bn1.bias"] == (0.5**4, 0.0)
    assert found["network.layer4.1.conv2.weight"] == (0.5, 0.0)
    assert found["classifier.weight"] == (3.0, 0.0)
    assert found["neck.norm.weight"] == (3.0, 0.0)
    more = learned_by(outline_model("resnet50:nonlocal=yes", num_classes=2), settings)
    depths = {name[:10]: rate for name, (rate, _) in more.items() if name.startswith("non_local")}
    assert depths == {"non_local2": 0.5**3, "non_local3": 0.5**2}


def test_layer_decay_of_a_vision_transformer_goes_by_its_blocks():
    settings = Optimizer(name="adamw", lr=1.0, weight_decay=0.0, layer_decay=0.5)
    found = learned_by(outline_model("vit_small", num_classes=2), settings)
    rates = {name: rate for name, (rate, _) in found.items()}
    assert rates["cls_token"] == rates["patch_embed.proj.weight"] == 0.5**13
    assert rates["blocks.0.norm1.weight"] == 0.5**12
    assert rates["blocks.11.norm1.weight"] == 0.5
    assert rates["classifier.weight"] == 1


def test_layer_decay_is_refused_where_depths_are_not_known():
    settings = Optimizer(name="sgd", lr=1.0, weight_decay=0.0, layer_decay=0.5)
    with pytest.raises(RecipeError, match=r"optimizer\.layer_decay needs a model that knows"):
        parameter_groups(Small(), settings)


def test_a_long_gradient_is_scaled_to_its_longest():
    """Of all of the model at once, written out; a shorter one is left alone."""
    settings = Optimizer(name="sgd", lr=1.0, weight_decay=0.0, momentum=0.0, clip_norm=0.5)
    for length, factor in ((0.4, 1.0), (4.0, 0.125)):
        model = Small()
        optimizers = Optimizers(model, no_losses(), settings)
        before = [value.detach().clone() for value in model.parameters()]
        given = [torch.randn_like(value) for value in before]
        norm = sum(float(one.double().square().sum()) for one in given) ** 0.5
        for parameter, gradient in zip(model.parameters(), given, strict=True):
            parameter.grad = gradient * (length / norm)
        optimizers.step()
        for parameter, was, gradient in zip(model.parameters(), before, given, strict=True):
            expected = was - factor * gradient * (length / norm)
            torch.testing.assert_close(parameter.detach(), expected, rtol=1e-4, atol=1e-6)


class Linear(ReIDModel):
    """Features by one layer, logits by another."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(12, 3)
        self.classifier = nn.Linear(3, 4)

    def forward(self, images):
        features = self.body(images.flatten(1))
        return ModelOutput(features, (self.classifier(features),))


def test_centers_move_as_in_the_strong_baselines_own_training():
    """Against its step written out: two optimisers, and the centers' gradients over their weight.

    As in reid-strong-baseline at 3da7e6f0, `engine/trainer.py`: the clipping is of the model alone.
    """
    torch.manual_seed(0)
    settings = Optimizer(name="adam", lr=0.01, weight_decay=5e-4, clip_norm=1.0)
    parts = [CrossEntropy(name="xent", label_smoothing=0.0), Center(name="center", lr=0.3)]
    losses = WeightedLosses(parts, num_classes=4, feature_dim=3)
    model = Linear()
    theirs = copy.deepcopy(model)
    centers = nn.Parameter(losses.parts["center"].centers.detach().clone())
    adam = torch.optim.Adam(theirs.parameters(), lr=0.01, weight_decay=5e-4)
    sgd = torch.optim.SGD([centers], lr=0.3)
    optimizers = Optimizers(model, losses, settings)
    for _ in range(4):
        batch = LabelledBatch(torch.randn(6, 3, 2, 2), None, torch.tensor([0, 0, 1, 1, 2, 2]))
        optimizers.zero_grad()
        training_step(model, losses, batch, precision=nullcontext())
        optimizers.step()

        adam.zero_grad()
        sgd.zero_grad()
        features = theirs.body(batch.images.flatten(1))
        loss = nn.functional.cross_entropy(theirs.classifier(features), batch.labels)
        distances = (features - centers[batch.labels]).square().sum(1)
        (loss + 5e-4 * distances.mean()).backward()
        nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        adam.step()
        centers.grad.data *= 1.0 / 5e-4
        sgd.step()
    for ours, expected in zip(model.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(ours, expected)
    moved = losses.parts["center"].centers
    torch.testing.assert_close(moved, centers, rtol=1e-5, atol=1e-5)
    assert set(optimizers.state_dict()) == {"optimizer", "loss_optimizers"}


def test_half_the_bits_are_clipped_and_learned_from():
    """By autocast gradients are float32 still, and so is what all optimisers keep."""
    torch.manual_seed(0)
    settings = Optimizer(name="adamw", lr=0.01, weight_decay=0.1, clip_norm=1e-3, head_lr=2.0)
    losses = WeightedLosses(
        [CrossEntropy(name="xent"), Center(name="center")], num_classes=4, feature_dim=3
    )
    model = Linear()
    optimizers = Optimizers(model, losses, settings)
    batch = LabelledBatch(torch.randn(4, 3, 2, 2), None, torch.tensor([0, 0, 1, 3]))
    before = losses.parts["center"].centers.detach().clone()
    training_step(model, losses, batch, precision=torch.autocast("cpu", torch.bfloat16))
    optimizers.step()
    gradients = [parameter.grad for parameter in model.parameters()]
    assert {gradient.dtype for gradient in gradients} == {torch.float32}
    norm = sum(float(gradient.square().sum()) for gradient in gradients) ** 0.5
    assert norm == pytest.approx(1e-3, rel=1e-3)
    state = optimizers.main.state_dict()["state"]
    assert {one["exp_avg"].dtype for one in state.values()} == {torch.float32}
    moved = (losses.parts["center"].centers != before).any(1)
    assert moved.tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "adam", "nesterov": True}, 'nesterov needs name = "sgd"'),
        ({"momentum": 0.0, "nesterov": True}, "nesterov needs .* a momentum"),
        ({"layer_decay": 0.0}, "layer_decay"),
        ({"layer_decay": 1.1}, "layer_decay"),
        ({"head_lr": 0.0}, "head_lr"),
        ({"bias_lr": -1.0}, "bias_lr"),
        ({"clip_norm": 0.0}, "clip_norm"),
    ],
)
def test_what_makes_no_sense_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Optimizer(**{"name": "sgd", "lr": 0.1, "weight_decay": 0.0, **changes})


def test_a_recipe_that_stays_frozen_is_refused(tmp_path):
    data = crosscam.load_dataset("market1501", write_market(tmp_path / "market"))
    settings = [*TINY, "schedule.frozen_steps=6"]
    with pytest.raises(RecipeError, match=r"frozen_steps is 6 of some 6 steps"):
        crosscam.train("mobilenetv2-xent", data, tmp_path / "run", overrides=settings)
    assert not (tmp_path / "run").exists()
