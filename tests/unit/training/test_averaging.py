"""The average of the weights, against PyTorch's, and what an experiment keeps of it."""

import dataclasses
import importlib

import pytest
import torch
from timm_models import import_timm
from tiny import TINY, write_market
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

import crosscam
from crosscam.models.registry import build_model
from crosscam.training import loop
from crosscam.training.averaging import WeightAverage, decay_after


def moved(model, seed):
    """The model with other weights, as a step makes them, and one more batch counted."""
    generator = torch.Generator().manual_seed(seed)
    for value in model.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator))
        else:
            value.add_(1)
    return model


def pytorchs(model):
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    average.update_parameters(model)  # which copies the first
    return average, average.update_parameters


def timms(model):
    import_timm()
    average = importlib.import_module("timm.utils").ModelEmaV3(model, decay=0.9)
    return average, average.update


@pytest.mark.slow
@pytest.mark.parametrize("make", [pytorchs, timms])
def test_the_average_is_that_of_others_once_the_decay_is_constant(make):
    model = build_model("lightres", num_classes=3)
    average = WeightAverage(model, decay=0.9)
    average.updates = 10**6
    theirs, update = make(model)
    for seed in range(5):
        moved(model, seed)
        average.update(model)
        update(model)
    expected = theirs.module.state_dict()
    floats = 0
    for name, value in average.model.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-6)
            floats += 1
        else:
            assert value.equal(model.state_dict()[name])
    assert floats > 10


def test_the_first_decays_are_small():
    """TensorFlow's, so that after ten steps what was drawn at first weighs next to nothing."""
    decays = [decay_after(updates, decay=0.999) for updates in (0, 1, 8, 90, 8989, 8990, 10**6)]
    assert decays == pytest.approx([0.1, 2 / 11, 0.5, 0.91, 8990 / 8999, 0.999, 0.999])
    model = torch.nn.Linear(1, 1)
    model.weight.data.fill_(100.0)
    average = WeightAverage(model, decay=0.999)
    model.weight.data.fill_(1.0)
    value = 100.0
    for updates in range(10):
        average.update(model)
        share = (1 + updates) / (10 + updates)
        value = share * value + (1 - share) * 1.0
    assert average.model.weight.item() == pytest.approx(value)
    assert value == pytest.approx(1, abs=0.01)


def test_the_average_learns_nothing_and_does_not_touch_the_model():
    model = build_model("lightres", num_classes=3).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    average = WeightAverage(model, decay=0.5)
    average.update(moved(model, 1))
    average.update(moved(model, 2))
    assert model.training
    assert not average.model.training
    assert not any(one.requires_grad for one in average.model.parameters())
    assert all(one.requires_grad for one in model.parameters())
    now = average.model.state_dict()
    assert not any(now[name].equal(value) for name, value in before.items() if value.numel() > 1)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("ema.decay=1.0", r"ema\.decay"),
        ("ema.decay=0.0", r"ema\.decay"),
        ("ema.keep=last", r"ema\.keep"),
        ("ema.decoy=0.9", r"unknown key ema\.decoy; did you mean decay\?"),
    ],
)
def test_what_makes_no_sense_is_refused(override, message):
    with pytest.raises(crosscam.CrosscamError, match=message):
        crosscam.load_recipe("lightres-xent-htri", [override])


@pytest.fixture
def first_is_best(monkeypatch):
    """Lets the first epoch score best; returns the weights that were scored, of each epoch."""
    tested = []

    def evaluate(embedder, dataset, **options):
        scores = crosscam.evaluate(embedder, dataset, **options)
        network = embedder.network.model
        tested.append({name: value.clone() for name, value in network.state_dict().items()})
        return dataclasses.replace(scores, mAP=1 / len(tested))

    monkeypatch.setattr(loop, "evaluate", evaluate)
    return tested


def train(market, out, *settings):
    chosen = ("selection.keep=best", "selection.held_out=0.34", *settings)
    return crosscam.train("mobilenetv2-xent", market, out, overrides=[*TINY, *chosen])


@pytest.mark.slow
def test_the_best_average_is_kept_and_what_it_is_of_beside_it(first_is_best, tmp_path):
    """Those are the weights of the same training without an average, to the bit."""
    market = crosscam.load_dataset("market1501", write_market(tmp_path / "market"))
    run = train(market, tmp_path / "run", "ema.decay=0.9", "ema.keep=both")
    averages = first_is_best[:]
    assert len(averages) == 2
    kept = crosscam.load_model(run.folder).state_dict()
    assert all(value.equal(averages[0][name]) for name, value in kept.items())
    assert not kept["classifier.weight"].equal(averages[1]["classifier.weight"])

    first_is_best.clear()
    plain = train(market, tmp_path / "plain")
    beside = run.folder / "unaveraged"
    expected = (plain.folder / "model.safetensors").read_bytes()
    assert (beside / "model.safetensors").read_bytes() == expected
    assert (run.folder / "model.safetensors").read_bytes() != expected
    card = crosscam.load_embedder(beside, runtime="torch").card
    assert card.scores["market1501"]["mAP"] == plain.scores.mAP
    assert run.card.scores["market1501 not averaged"]["mAP"] == plain.scores.mAP
    assert "the same, not averaged" in (run.folder / "report.html").read_text()
