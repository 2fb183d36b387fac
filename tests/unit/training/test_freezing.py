"""Epochs in which the classifiers alone learn."""

import copy

import pytest
import torch

import crosscam
from crosscam.models.base import ReIDModel, set_memory_format
from crosscam.recipe import load_recipe
from crosscam.settings.head import Head
from crosscam.settings.training import Schedule
from crosscam.training.batches import Step
from crosscam.training.freezing import set_learning
from crosscam.training.optimizers import create_optimizer, parameter_groups
from crosscam.training.schedule import is_frozen


def a_step(model, optimizer, images):
    loss = torch.stack([logits.square().mean() for logits in model(images).logits]).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["osnet_x0_25", "hacnn"])
def test_while_frozen_nothing_but_the_classifiers_changes(name):
    torch.manual_seed(0)
    model = crosscam.create_model(name, num_classes=4)
    set_memory_format(model, "contiguous")
    settings = load_recipe("osnet_x0_25-xent").optimizer
    optimizer = create_optimizer(settings, parameter_groups(model, settings))
    images = torch.randn(4, 3, *model.input_size)
    before = copy.deepcopy(model.state_dict())
    set_learning(model, end_alone=True)
    a_step(model, optimizer, images)
    changed = {key for key, value in model.state_dict().items() if not value.equal(before[key])}
    assert changed == {key for key in before if key.startswith(model.training_only)}

    before = copy.deepcopy(model.state_dict())
    set_learning(model, end_alone=False)
    a_step(model, optimizer, images)
    changed = {key for key, value in model.state_dict().items() if not value.equal(before[key])}
    learning = {key for key, _ in model.named_parameters() if not key.endswith("bias")}
    assert changed >= learning
    assert all(part.training for part in model.modules())


class Nested(ReIDModel):
    """One with a parameter of its own, and an end that is not at the top."""

    def __init__(self):
        super().__init__()
        self.token = torch.nn.Parameter(torch.zeros(2))
        self.body = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Dropout())
        self.branch = torch.nn.ModuleDict(
            {"deep": torch.nn.BatchNorm1d(2), "end": torch.nn.BatchNorm1d(2)}
        )

    @property
    def head_names(self):
        return ("branch.end.",)


def test_what_a_model_names_as_its_end_learns_wherever_it_is():
    model = Nested()
    set_learning(model, end_alone=True)
    learning = {name for name, one in model.named_parameters() if one.requires_grad}
    assert learning == {"branch.end.weight", "branch.end.bias"}
    in_training = {name for name, part in model.named_modules() if part.training}
    assert in_training == {"", "branch", "branch.end"}
    set_learning(model, end_alone=False)
    assert all(one.requires_grad for one in model.parameters())
    assert all(part.training for part in model.modules())


def test_the_end_of_a_model_with_a_head_is_all_of_the_head():
    model = crosscam.create_model("resnet18", num_classes=4, head=Head(pool="gem"))
    set_learning(model, end_alone=True)
    learning = {name for name, one in model.named_parameters() if one.requires_grad}
    assert learning == {"pool.p", "neck.norm.weight", "classifier.weight"}
    assert model.neck.norm.training
    assert not any(part.training for part in model.network.modules())


@pytest.mark.parametrize(
    ("chosen", "frozen"),
    [({"frozen_steps": 7}, 7), ({"frozen_epochs": 2}, 10), ({}, 0)],
)
def test_a_start_is_frozen_for_so_many_steps_or_epochs(chosen, frozen):
    schedule = Schedule(epochs=4, kind="cosine", **chosen)
    steps = [Step(*divmod(done, 5), 5) for done in range(20)]
    found = [is_frozen(schedule, step, steps_done=done) for done, step in enumerate(steps)]
    assert found == [True] * frozen + [False] * (20 - frozen)


def test_amsgrad_is_that_of_the_paper():
    """Against the update written out: Reddi et al., ICLR 2018, with Adam's bias correction."""
    settings = load_recipe("osnet_x1_0-xent").optimizer
    parameter = torch.nn.Parameter(torch.tensor([1.0], dtype=torch.float64))
    model = torch.nn.Module()
    model.weight = parameter
    optimizer = create_optimizer(settings, parameter_groups(model, settings))
    value, first, second, largest = 1.0, 0.0, 0.0, 0.0
    for step, given in enumerate([3.0, 0.1, -0.2], start=1):
        parameter.grad = torch.tensor([given], dtype=torch.float64)
        optimizer.step()
        gradient = given + 5e-4 * value
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        largest = max(largest, second)
        root = (largest / (1 - 0.999**step)) ** 0.5
        value -= 0.0015 * first / (1 - 0.9**step) / (root + 1e-8)
        assert parameter.item() == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (["schedule.epochs=10"], "frozen_epochs is 10 of 10 epochs"),
        (["optimizer.name=sgd"], "amsgrad needs name"),
        (["schedule.frozen_epochs=-1"], "frozen_epochs"),
        (["schedule.frozen_steps=9"], "frozen_epochs and frozen_steps are both set"),
    ],
)
def test_what_makes_no_sense_is_refused(override, message):
    with pytest.raises(crosscam.CrosscamError, match=message):
        load_recipe("osnet_x1_0-xent", override)


def test_imagenet_weights_that_are_fetched_by_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(crosscam.CrosscamError, match=r"by hand: get https://drive.*osnet_x0_25_im"):
        crosscam.create_model("osnet_x0_25", num_classes=3, weights="imagenet")
    trained = crosscam.create_model("osnet_x0_25", num_classes=1000)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    weights = {f"module.{name}": value for name, value in trained.state_dict().items()}
    torch.save(weights, folder / "osnet_x0_25_imagenet.pth")
    model = crosscam.create_model("osnet_x0_25", num_classes=3, weights="imagenet")
    assert model.conv1.conv.weight.equal(trained.conv1.conv.weight)
    assert model.classifier.out_features == 3


@pytest.mark.slow
@pytest.mark.parametrize("wrap", [lambda state: state, lambda state: {"state_dict": state}])
def test_files_of_2019_are_loaded_by_their_names(tmp_path, wrap):
    trained = crosscam.create_model("osnet_ain_x1_0", num_classes=7)
    file = tmp_path / "osnet_ain_x1_0_msmt17_256x128_amsgrad.pth"
    torch.save(
        wrap({f"module.{name}": value for name, value in trained.state_dict().items()}), file
    )
    loaded = crosscam.load_model(file)
    assert loaded.num_classes == 7
    images = torch.randn(1, 3, 256, 128)
    assert loaded(images).equal(trained.eval()(images))
